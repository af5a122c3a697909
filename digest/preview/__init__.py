"""The editor's page on localhost: an edition as readers get it, renewed as templates change."""
