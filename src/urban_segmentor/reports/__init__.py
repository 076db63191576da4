"""HTML pages, plots and montages, for the reports of data sets, evaluation and training."""
