"""Memory that calls share in turn."""

import pytest
import torch

from alphanet.model.fast import arena
from alphanet.model.fast.arena import Arena

pytestmark = pytest.mark.integration


def test_what_is_handed_out_does_not_overlap_and_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arena, "SMALLEST", 1000)
    memory = Arena(torch.zeros(1, dtype=torch.float64))
    for _ in range(3):
        parts = [memory.empty(7, 3).fill_(k) for k in range(20)] + [memory.empty(0, 5), memory.empty(3000).fill_(-1)]
        assert all(torch.all(part == k) for k, part in enumerate(parts[:20]))
        assert all(part.dtype == torch.float64 and part.is_contiguous() for part in parts)
        places = {part.data_ptr() for part in parts[:20]}
        assert len(places) == 20
        memory.reset()
        assert len(memory._slabs) <= 1
    assert memory.empty(7, 3).data_ptr() in places


def test_what_came_after_a_mark_is_taken_back() -> None:
    memory = Arena(torch.zeros(1))
    stays = memory.empty(10).fill_(1)
    mark = memory.mark()
    first = memory.empty(10)
    memory.rewind(mark)
    assert memory.empty(10).data_ptr() == first.data_ptr() != stays.data_ptr()


def test_what_is_large_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arena, "SMALLEST", 10)
    monkeypatch.setattr(arena, "MOST", 1000)
    memory = Arena(torch.zeros(1))
    for size, held in ((500, True), (2000, False)):
        memory.empty(size)
        memory.reset()
        assert bool(memory._slabs) == held


def test_calls_of_changing_sizes_share_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """Structures of a trajectory differ by some edges: pieces of one must not pile up beside those of the next."""
    monkeypatch.setattr(arena, "SMALLEST", 10)
    memory = Arena(torch.zeros(1))
    for size in (1000, 1010, 990, 1030, 1000, 1050):
        for _ in range(5):
            memory.empty(size)
        held = sum(slab.numel() for slab in memory._slabs)
        memory.reset()
    assert held <= 1.2 * 5 * 1050
