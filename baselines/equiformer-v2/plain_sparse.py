"""The part of torch_sparse that GemNet-OC and DimeNet++ use: a matrix of indices whose rows can be looked up."""

import torch


class SparseTensor:
    """Entries in order of row, then column; there may be several at one place, for edges to images of one atom."""

    def __init__(self, *, row, col, value, sparse_sizes):
        order = torch.argsort(row * sparse_sizes[1] + col, stable=True)
        self._row, self._col, self._value = row[order], col[order], value[order]
        self._sizes = tuple(sparse_sizes)

    def __getitem__(self, rows):
        """The matrix whose row i is row `rows[i]` of this one."""
        counts = torch.bincount(self._row, minlength=self._sizes[0])
        first = counts.cumsum(0) - counts
        picked = counts[rows]
        row = torch.arange(len(rows), device=rows.device).repeat_interleave(picked)
        begins = picked.cumsum(0) - picked
        entry = first[rows][row] + torch.arange(len(row), device=rows.device) - begins[row]
        return _ordered(row, self._col[entry], self._value[entry], (len(rows), self._sizes[1]))

    @property
    def storage(self):
        """Has `row()`, `col()` and `value()`."""
        return self

    def row(self):
        """(entries,) row of each entry."""
        return self._row

    def col(self):
        """(entries,) column of each entry."""
        return self._col

    def value(self):
        """(entries,) values of the matrix."""
        return self._value

    def coo(self):
        """Rows, columns and values."""
        return self._row, self._col, self._value

    def sparse_sizes(self):
        """Rows and columns."""
        return self._sizes

    def set_value(self, value):
        """A matrix with the same places and other values; ones if None."""
        value = torch.ones_like(self._value) if value is None else value
        return _ordered(self._row, self._col, value, self._sizes)

    def set_value_(self, value, layout):  # noqa: ARG002  (there is one layout here)
        """Other values in this matrix."""
        self._value = value

    def sum(self, dim):
        """(rows,) sums of the rows, if `dim` is 1; (columns,) of the columns, if it is 0."""
        place = (self._col, self._row)[dim]
        return self._value.new_zeros(self._sizes[1 - dim]).index_add(0, place, self._value)


def _ordered(row, col, value, sizes):
    """A matrix of entries that are in order already."""
    matrix = SparseTensor.__new__(SparseTensor)
    matrix._row, matrix._col, matrix._value, matrix._sizes = row, col, value, sizes
    return matrix
