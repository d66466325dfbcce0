from itertools import chain

import numpy as np

from alphanet.potentials.kit.loop.sampling import TrainingBatches, evaluation_batches, pack


def test_every_frame_once_an_epoch_in_an_order_of_seed_and_epoch() -> None:
    batches = TrainingBatches(10, 4, seed=3)
    first, second = batches.epoch(0), batches.epoch(1)
    assert [len(batch) for batch in first] == [4, 4, 2]
    assert sorted(chain(*first)) == sorted(chain(*second)) == list(range(10))
    assert first != second
    assert first == TrainingBatches(10, 4, seed=3).epoch(0)
    assert first != TrainingBatches(10, 4, seed=4).epoch(0)


def test_goes_on_where_the_steps_say() -> None:
    taken = 0
    batches = TrainingBatches(10, 4, seed=0, steps_taken=lambda: taken)
    whole = [batches.epoch(epoch) for epoch in range(3)]
    for taken in range(9):
        epoch, done = divmod(taken, len(batches))
        assert list(batches) == whole[epoch][done:]
        assert len(batches) == 3


def test_ranks_share_an_epoch_in_equal_parts() -> None:
    ranks = [TrainingBatches(11, 2, seed=0, rank=rank, world_size=3) for rank in range(3)]
    shares = [rank.epoch(5) for rank in ranks]
    assert {len(share) for share in shares} == {len(rank) for rank in ranks} == {2}
    seen = [frame for share in shares for batch in share for frame in batch]
    assert len(seen) == 12
    assert set(seen) == set(range(11))


def test_evaluation_takes_every_frame_once_over_all_ranks() -> None:
    shares = [evaluation_batches(11, 2, rank, 3) for rank in range(3)]
    assert sorted(frame for share in shares for batch in share for frame in batch) == list(range(11))


def test_packed_batches_keep_to_the_budget() -> None:
    sizes = np.random.default_rng(0).integers(10, 1000, size=200)
    sizes[7] = 9000
    packed = pack(sizes, budget=3000, batch_size=8, seed=0)
    assert sorted(frame for batch in packed for frame in batch) == list(range(200))
    assert [7] in packed
    assert all(len(batch) <= 8 and (sizes[batch].sum() <= 3000 or len(batch) == 1) for batch in packed)
    assert max(np.ptp(sizes[batch]) for batch in packed if len(batch) > 1) < 300  # similar sizes together

    batches = TrainingBatches(200, 8, seed=0, packed=packed)
    assert len(batches) == len(packed)
    assert sorted(batches.epoch(0)) == sorted(batches.epoch(1)) == sorted(packed)
    assert batches.epoch(0) != batches.epoch(1)
