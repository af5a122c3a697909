"""The plain data that pass between stages: frozen, typed, without behaviour.

All times are aware and in UTC; texts are plain text (no markup) unless the name says otherwise.
"""

from digest.records.editions import (
    Edition,
    EditionSource,
    EditionStory,
    EditionTopic,
    FailedFeed,
    Rendered,
)
from digest.records.feeds import (
    Article,
    DateOrigin,
    DigestOutcome,
    DigestStatus,
    Feed,
    FeedOutcome,
    FeedStatus,
    Fetched,
    ParsedFeed,
    RunReport,
    Validators,
)
from digest.records.stories import Story, Told, Topic, TopicChoice, Update
from digest.records.summaries import (
    Document,
    DroppedSentence,
    Encoded,
    Summary,
    SummarySentence,
    Vectors,
    Verdict,
)

__all__ = [
    "Article",
    "DateOrigin",
    "DigestOutcome",
    "DigestStatus",
    "Document",
    "DroppedSentence",
    "Edition",
    "EditionSource",
    "EditionStory",
    "EditionTopic",
    "Encoded",
    "FailedFeed",
    "Feed",
    "FeedOutcome",
    "FeedStatus",
    "Fetched",
    "ParsedFeed",
    "Rendered",
    "RunReport",
    "Story",
    "Summary",
    "SummarySentence",
    "Told",
    "Topic",
    "TopicChoice",
    "Update",
    "Validators",
    "Vectors",
    "Verdict",
]
