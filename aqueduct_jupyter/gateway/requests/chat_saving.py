"""Stores the answer of a conversation: while it grows, and at its end.

Asking is in :mod:`.chat_run`, and what others are told in :mod:`.chats`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic

from ...protocol import conversation_edits as edits
from ...protocol.errors import NotFoundError, UnavailableError
from ..stores.conversation_interfaces import Conversations
from .chat_run import ChatRun

__all__ = ["ChatSaving"]

SAVE_SECONDS = 1.0
"""How often what has grown is stored, in seconds."""

LARGEST_SHARE = 0.05
"""The share of the time that storing may take; a long conversation is stored less often."""

BEAT_SECONDS = 2.0
"""How often a running answer shows a sign of life at least, in seconds."""

_log = logging.getLogger(__name__)


class ChatSaving:
    """Stores answers.

    Args:
        conversations: the stored conversations.
    """

    save_seconds = SAVE_SECONDS
    beat_seconds = BEAT_SECONDS

    def __init__(self, conversations: Conversations) -> None:
        self._store = conversations

    async def keep_growing(
        self, key: tuple[str, str], run: ChatRun, note_activity: Callable[[], None]
    ) -> None:
        """Store what has grown, and show signs of life, until no more comes.

        Args:
            key: the owner and the conversation.
            run: the answer, which is stopped if its turn was stopped or removed elsewhere.
            note_activity: called whenever something is stored.
        """
        pause, saved_at, saved = self.save_seconds, monotonic(), run.size
        while not await run.has_ended_within(pause):
            if run.size == saved and monotonic() - saved_at < self.beat_seconds:
                continue
            note_activity()
            saved_at, saved = monotonic(), run.size
            try:
                await self._store.edit(*key, edits.grow(run.growing_turn))
            except UnavailableError as error:
                _log.warning("An answer has not been stored yet: %s", error)
            except NotFoundError:
                run.stop()
                return
            share = (monotonic() - saved_at) / LARGEST_SHARE
            pause = min(max(self.save_seconds, share), self.beat_seconds)

    async def keep_end(self, key: tuple[str, str], run: ChatRun) -> None:
        """Store a turn that has ended, unless it has been removed.

        Args:
            key: the owner and the conversation.
            run: the answer, which gets a note if it cannot be stored.
        """
        try:
            await self._store.edit(*key, edits.finish(run.turn))
        except NotFoundError:
            pass
        except Exception as error:
            is_known = isinstance(error, UnavailableError)
            _log.error("An answer was not stored: %s", error, exc_info=None if is_known else error)
            run.add_note("this answer could not be stored")
