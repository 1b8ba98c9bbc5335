"""Set-up of a study of tables: sites agree on columns, moments and quantiles."""
