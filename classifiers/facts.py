from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueryFacts:
    """What a classifier may know about one query.

    `text` is the last user turn (the last turn where no user spoke), whole: each classifier bounds what it
    reads itself. All lengths are in characters.
    """

    text: str
    turns: int = 1
    """Messages in the conversation, the last user turn included."""
    system_chars: int = 0
    """Length of the system and developer prompts together."""
    history_chars: int = 0
    """Length of all other turns together: those before the last user turn, and what followed it."""
    has_tools: bool = False
    images: int = 0
    """Image parts in all turns."""
