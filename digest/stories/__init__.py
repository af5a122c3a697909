"""Stories (one event, however many articles) and the topics they stand under."""
