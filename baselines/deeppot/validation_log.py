"""deepmd's log of the whole validation set, read while it grows: a line an epoch for the caller, and the best epoch."""

from dp_train import AVERAGED_LOG

COLUMNS = {"energy": "E_MAE(meV/atom)", "force": "F_MAE(meV/Å)"}


class ValidationLog:
    """Errors of the averaged weights after every epoch."""

    def __init__(self, folder, batches, epochs, report):
        """Read the log in `folder`, over all resumptions of a run.

        Args:
            folder: of deepmd's run.
            batches: steps of an epoch.
            epochs: how many are planned, if that is known.
            report: takes the lines.
        """
        self._file, self._batches, self._epochs, self._report = folder / AVERAGED_LOG, batches, epochs, report
        self._told = max((row["step"] for row in self.rows()), default=0)

    def read(self):
        """Report the epochs that have ended since the last time."""
        for row in self.rows():
            if row["step"] > self._told:
                self._told = row["step"]
                of = f"/{self._epochs}" if self._epochs else ""
                errors = f"valid {row['energy']:.2f} meV/atom, {row['force']:.1f} meV/Å"
                self._report(f"epoch {row['step'] / self._batches:.4g}{of}: {errors}")

    def best(self, metric):
        """`energy_mae` (eV/atom) and `force_mae` (eV/Å) of the epoch with the smallest `metric`: energy or force."""
        best = min(self.rows(), key=lambda row: row[metric])
        return {"energy_mae": best["energy"] / 1000, "force_mae": best["force"] / 1000}

    def rows(self):
        """Of each validation: step, energy (meV/atom), force (meV/Å)."""
        lines = self._file.read_text(encoding="utf-8").splitlines() if self._file.is_file() else []
        names = lines[0].lstrip("# ").split() if lines else []
        values = [dict(zip(names, line.split(), strict=True)) for line in lines if line.startswith(" ")]
        return [
            {"step": int(row["step"])} | {name: float(row[column]) for name, column in COLUMNS.items()}
            for row in values
        ]
