"""Did this model get worse? Comparisons, the release gate, baselines and reports; nothing here needs torch."""
