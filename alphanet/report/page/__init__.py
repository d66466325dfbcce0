"""The report: the results of runs beside the paper's values on one page."""
