"""The workbench and the HTTP API: sign-in, worklist, case pages, one endpoint for every Task."""
