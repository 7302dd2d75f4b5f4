"""Tables as they were written, or an error."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from latent_atlas.errors import InputError
from latent_atlas.files import read_table, read_table_metadata, write_table

FRAME = pd.DataFrame(
    {
        "name": ["a", None, "c"],
        "value": [1.5, float("nan"), 3.0],
        "codes": [[1.0, 2.0], [3.0], []],
    }
)


def test_texts_and_lists_with_gaps_come_back(tmp_path):
    write_table(tmp_path / "t.parquet", FRAME, seeds=[0, 1])
    found = read_table(tmp_path / "t.parquet")
    assert found.name.isna().tolist() == [False, True, False]
    assert found.value.isna().tolist() == [False, True, False]
    assert [list(codes) for codes in found.codes] == [[1.0, 2.0], [3.0], []]
    assert read_table_metadata(tmp_path / "t.parquet")["seeds"] == [0, 1]


@pytest.mark.parametrize(("column", "changed"), [("name", "b"), ("value", 2.0), ("codes", [9.0])])
def test_a_cell_that_changed_is_noticed(tmp_path, column, changed):
    path = tmp_path / "t.parquet"
    write_table(path, FRAME)
    table = pq.read_table(path)
    cells = [changed, *table[column].to_pylist()[1:]]
    place, field = table.schema.get_field_index(column), table.schema.field(column)
    pq.write_table(table.set_column(place, field, pa.array(cells, field.type)), path)
    with pytest.raises(InputError, match="its content has changed"):
        read_table(path)
