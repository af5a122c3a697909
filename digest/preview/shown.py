"""What the editing pages show of a sheet, beside what stands in it as it is."""

from __future__ import annotations

from digest.editions.desk.arranging import arranged
from digest.pipeline.drafting import EDITOR
from digest.pipeline.editing import Sheet
from digest.records import EditionStory, Finding
from digest.words import desk_words


def topics_of(sheet: Sheet) -> list[str]:
    """The topics that a story can be put under: those printed, in their order, then all others."""
    printed = [topic.name for topic in sheet.edition.topics]
    planned = sheet.draft.plan.topics if sheet.draft else ()
    others = sorted({story.topic for story in sheet.stories.values()})
    return list(dict.fromkeys((*printed, *planned, *others)))


def sections_of(sheet: Sheet) -> list[tuple[str, list[str]]]:
    """The topics with the ids of their stories, as they are printed."""
    return [(topic.name, [story.id for story in topic.stories]) for topic in sheet.edition.topics]


def printed_of(sheet: Sheet, story: str) -> EditionStory | None:
    """A story as it is printed; None where it is not."""
    return next((one for one in sheet.edition.stories if one.id == story), None)


def headline_of(sheet: Sheet, story: str) -> str:
    """The headline to be edited: the editor's own, printed or not, or the source's."""
    wording = sheet.wordings.get(story)
    if wording is not None and wording.headline_text:
        return wording.headline_text
    if (printed := printed_of(sheet, story)) is not None:
        return printed.headline
    whole = sheet.stories.get(story)
    return whole.lead.title if whole else ""


def summary_of(sheet: Sheet, story: str) -> str:
    """The summary to be edited: the editor's own with what isn't printed of it, or the printed."""
    made = arranged(sheet.draft, sheet.operations) if sheet.draft else None
    if made is not None and story in made.summaries:
        return str(made.summaries[story].values["text"])
    printed = printed_of(sheet, story)
    return " ".join(sentence.text for sentence in printed.summary) if printed else ""


def unprinted(sheet: Sheet) -> list[tuple[Finding, str]]:
    """What was written for the printed stories and isn't printed: findings with the story's id.

    Nothing of an edition that is settled: what was approved is what was looked at.
    """
    t, found = desk_words(), []
    for story in sheet.edition.stories if sheet.is_open else ():
        wording = sheet.wordings.get(story.id)
        if wording is None:
            continue
        said = []
        if wording.headline is not None and not wording.headline.supported:
            said.append(t("change.headline_unprinted"))
        count, kept = len(wording.sentences), sum(one.supported for one in wording.sentences)
        if count and not kept:
            said.append(t("change.summary_unprinted"))
        elif kept < count:
            said.append(t("change.sentences_unprinted", n=count - kept, of=count))
        found += [(Finding("unprinted", "warning", one, story.headline), story.id) for one in said]
    return found


def length_of(sheet: Sheet, story: str) -> tuple[int, str]:
    """How many sentences the summary may have, and what writes it."""
    if sheet.draft is None:
        return 2, "extractive"
    asked = arranged(sheet.draft, sheet.operations).lengths.get(story)
    if asked is not None:
        return int(asked.values["sentences"]), str(asked.values["model"])
    return sheet.draft.sentences, sheet.draft.model


def others_of(sheet: Sheet, story: str) -> list[tuple[str, str]]:
    """The stories that a story can be merged with, the printed first: ids and headlines."""
    printed = [(one.id, one.headline) for one in sheet.edition.stories]
    left = [(one.id, one.lead.title) for one in sheet.left_out]
    return [one for one in (*printed, *left) if one[0] != story]


def feeds_of(sheet: Sheet) -> list[tuple[str, str]]:
    """The feeds that the edition's articles come from: names and what readers see of them."""
    names = {article.feed for story in sheet.stories.values() for article in story.articles}
    labels = sheet.draft.labels if sheet.draft else {}
    return sorted(((name, labels.get(name, name)) for name in names), key=lambda it: it[1].lower())


def is_by_editor(story: EditionStory) -> bool:
    """Whether its summary is a person's."""
    return story.model == EDITOR
