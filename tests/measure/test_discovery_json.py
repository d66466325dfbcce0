"""Predictions as pandas writes them to JSON, in every orientation."""

import bz2
import gzip
import lzma

import pandas as pd
import pytest

from alphanet.errors import UserError
from alphanet.measure.discovery.files import columns_of, read_columns

TABLE = pd.DataFrame({"material_id": ["wbm-1-1", "wbm-1-2", "wbm-2-1", "wbm-2-2"], "e_form": [-0.99, None, 0.5, 1e-3]})
PACKED = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


@pytest.mark.parametrize("packing", PACKED)
@pytest.mark.parametrize("orient", ["columns", "records", "split", "index", "table"])
@pytest.mark.parametrize("by_index", [False, True])
def test_every_orientation(tmp_path, orient, by_index, packing):
    if by_index and orient == "records":
        pytest.skip("pandas drops the index there")
    table = TABLE.set_index("material_id") if by_index else TABLE
    file = tmp_path / f"a.json{packing}"
    file.write_bytes(PACKED[packing](table.to_json(orient=orient).encode()))
    read = read_columns(file, ["e_form"])
    assert columns_of(file)[-1] == "e_form"
    assert list(read.index) == list(TABLE["material_id"])
    pd.testing.assert_series_equal(read["e_form"].reset_index(drop=True), TABLE["e_form"])


def test_a_series_by_id(tmp_path):
    (tmp_path / "a.json").write_text(TABLE.set_index("material_id")["e_form"].to_json())
    assert read_columns(tmp_path / "a.json", ["prediction"])["prediction"]["wbm-2-1"] == 0.5


@pytest.mark.parametrize(
    "text", ["[1, 2]", "3", "[]", "{}", '"x"', '{"a": [1, 2]}', '[{"material_id": "a"}', "a,b\n" * 1000]
)
def test_json_without_a_table_is_one_short_line(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UserError) as caught:
        read_columns(tmp_path / "a.json", ["e_form"])
    assert "a.json" in str(caught.value) and len(str(caught.value)) < 400


def test_a_csv_that_is_none_does_not_quote_the_whole_file(tmp_path):
    (tmp_path / "a.csv").write_text('"' + "x,y\n" * 5000)
    with pytest.raises(UserError) as caught:
        read_columns(tmp_path / "a.csv", ["e_form"])
    assert len(str(caught.value)) < 500
