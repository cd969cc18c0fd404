"""What must be true after a soak of the hub's service, each as a sentence that says what is not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from aqueduct_jupyter.gateway.requests.shared_budgets import SharedBudgets
from aqueduct_jupyter.gateway.requests.shared_limits import read_shared_limits
from aqueduct_jupyter.gateway.stores.sql.request_rows import LOST

from ..clients import Asked
from ..report import grown, some
from .accounts import DUST, Admission, Claimed, Key, LedgerRow
from .clients import Cut, is_promised
from .people import limits, members
from .run import HubSoaked
from .site import REPLICAS

__all__ = ["growth", "lost_whole", "wrongs"]

MEMORY = 1.12
"""How much memory may grow, at rest: a warm-up of some minutes has not filled all caches."""

FILES = 4
"""Descriptors more: connections to the database and the object store come and go."""

THREADS = 6
"""Threads more: pools start one when all others happen to be busy, up to a limit."""

CONNECTIONS = 9 * REPLICAS
"""What the replicas may hold of the database: eight for transactions, and one that listens."""

NOTICED = 3.0
"""Seconds in which a busy client may notice that its connection has ended."""

WRITTEN = 5.0
"""Seconds in which an answer's row is written; a replica that is killed before takes it along."""

FORGOTTEN = 3000.0
"""Seconds after which windows of a minute may be gone."""


def wrongs(soaked: HubSoaked) -> Iterator[str]:
    """Give a sentence for everything that must not be so after any load."""
    accounts, seen = soaked.accounts, soaked.seen
    yield from soaked.faults.wrongs
    yield from some("a client saw", seen.faults)
    unpromised = [f"{count} x {what}" for what, count in seen.errors.items() if not _is_fine(what)]
    yield from some("clients got an error that is not promised", unpromised)
    yield from some("a connection ended though no replica was killed", _cuts(soaked))
    yield from some("still running", accounts.running)
    yield from some("the ledger", [*_ledger(soaked)])
    yield from some("given up though its replica lives", [*_given_up(soaked)])
    yield from some("an answer that came whole", [*_answers(soaked)])
    yield from some("a budget", [*_budgets(soaked)])
    yield from some("admitted without room", [*_without_room(soaked)])
    yield from some("a file", soaked.files)
    yield from some("a log says", soaked.log)
    if soaked.connections[1] > CONNECTIONS:
        yield f"{soaked.connections[1]} connections to the database are open"
    if not seen.done["streamed"] or not soaked.upstream_faults or not soaked.faults.done:
        yield "nothing was soaked: there were no streams, or no faults"


def growth(soaked: HubSoaked) -> Iterator[str]:
    """Give a sentence for everything that a replica holds more of than after the warm-up."""
    yield from grown(soaked.warm, soaked.end, memory=MEMORY, files=FILES, threads=THREADS)


def lost_whole(soaked: HubSoaked) -> list[Asked]:
    """Give the answers that came whole, and that a replica took along that was killed then."""
    rows = soaked.accounts.rows
    return [
        asked
        for asked in soaked.seen.chats
        if asked.ending == "whole"
        and (row := rows.get(asked.request_id or "")) is not None
        and row.code == LOST
        and _was_killed_before_written(soaked, asked)
    ]


def _is_fine(what: str) -> bool:
    status, _, code = what.partition(" ")
    return is_promised(int(status), None if code == "None" else code)


def _cuts(soaked: HubSoaked) -> list[str]:
    return [str(cut) for cut in soaked.seen.cuts if not _is_explained(soaked, cut)]


def _is_explained(soaked: HubSoaked, cut: Cut) -> bool:
    faults = soaked.faults
    if any(cut.began - NOTICED <= kill <= cut.ended for kill in faults.kills):
        return True
    # A connection that was kept may be closed while a new request is on its way.
    return not cut.has_begun and any(
        began <= cut.ended <= ended + NOTICED for began, ended in faults.ends
    )


def _ledger(soaked: HubSoaked) -> Iterator[str]:
    """Every request that was admitted, or that the upstream was asked, has its row."""
    accounts = soaked.accounts
    for name, admission in accounts.admissions.items():
        if name not in accounts.rows:
            yield f"has no row of {name}, admitted at {admission.time:.1f}"
    for name in soaked.tokens.keys() - accounts.rows.keys():
        yield f"has no row of {name}, which the upstream was asked"
    for name in soaked.tokens.keys() - accounts.admissions.keys():
        yield f"has no admission of {name}, which the upstream was asked"
    for row in accounts.rows.values():
        if row.outcome == "whole" and not _has_tokens(row, soaked.tokens.get(row.request_id)):
            yield f"has {row}, and the upstream counted {soaked.tokens.get(row.request_id)}"


def _given_up(soaked: HubSoaked) -> Iterator[str]:
    """Only what a dead replica had sent upstream is nobody's to end."""
    accounts = soaked.accounts
    for name in soaked.tokens.keys() & accounts.rows.keys() & accounts.admissions.keys():
        lives = accounts.admissions[name].replica in accounts.replicas
        if lives and accounts.rows[name].code == LOST:
            yield f"{accounts.rows[name]}"


def _answers(soaked: HubSoaked) -> Iterator[str]:
    """What a client saw is what the ledger has."""
    rows = soaked.accounts.rows
    for asked in soaked.seen.chats:
        row = rows.get(asked.request_id or "")
        if asked.ending != "whole":
            continue
        if row is None:
            yield f"has no row: {asked}"
        elif row.outcome != "whole" and not _was_killed_before_written(soaked, asked):
            yield f"has {row}: {asked}"


def _was_killed_before_written(soaked: HubSoaked, asked: Asked) -> bool:
    """Whether a replica was killed after the answer, before it could write the answer's row."""
    until = asked.ended + WRITTEN
    for began, ended in soaked.faults.outages:
        # While the database is away, rows wait.
        if began - WRITTEN <= until and asked.ended <= ended:
            until = max(until, ended + WRITTEN)
    return any(asked.ended - NOTICED <= kill <= until for kill in soaked.faults.kills)


def _has_tokens(row: LedgerRow, tokens: tuple[int, int] | None) -> bool:
    return (row.tokens_in, row.tokens_out) == tokens and not row.is_estimated


def _budgets(soaked: HubSoaked) -> Iterator[str]:
    """Each window has used what the rows say of the requests that were admitted in it."""
    accounts = soaked.accounts
    least: defaultdict[Key, float] = defaultdict(float)
    doubt: defaultdict[Key, float] = defaultdict(float)
    last = 0.0
    for admission in accounts.admissions.values():
        last = max(last, admission.time)
        row = accounts.rows.get(admission.request_id)
        is_doubtful = _is_doubtful(soaked, admission)
        for claimed in admission.claims:
            counted = row.counts(claimed.key[1]) if row else 0
            (doubt if is_doubtful else least)[claimed.key] += counted
    for key in least.keys() | doubt.keys() | accounts.windows.keys():
        window = accounts.windows.get(key)
        if window is None:
            is_over = key[2] == "minute" and key[3] < last - FORGOTTEN
            if least[key] > DUST and not is_over:
                yield f"has no window {key}, and {least[key]:g} were used"
            continue
        if not least[key] - DUST <= window.used <= least[key] + doubt[key] + DUST:
            most = f" to {least[key] + doubt[key]:g}" if doubt[key] else ""
            yield f"has used {window.used:g} in {key}, and the rows say {least[key]:g}{most}"
        if abs(window.reserved) > DUST:
            yield f"has {window.reserved:g} reserved in {key}, and nothing runs"


def _is_doubtful(soaked: HubSoaked, admission: Admission) -> bool:
    """Whether a replica may not know that it admitted this: the database was away at once.

    Such a request is not sent upstream, and does not count.
    """
    if admission.request_id in soaked.tokens:
        return False
    return any(began - 1 <= admission.time <= ended + 1 for began, ended in soaked.faults.outages)


def _without_room(soaked: HubSoaked) -> Iterator[str]:
    """No request was admitted where nothing was left: so only what is in flight goes beyond."""
    most = _most(soaked)
    for admission in soaked.accounts.admissions.values():
        for claimed in admission.claims:
            if (limit := most.get(claimed.key[:3])) is None:
                yield f"{admission.request_id} claimed of {claimed.key}, which has no limit"
            elif not _had_room(claimed, limit):
                yield f"{admission.request_id} in {claimed}, of {limit:g}"
        if "everyone" not in {claimed.key[0] for claimed in admission.claims}:
            yield f"{admission.request_id} claimed nothing of everyone's budget"


def _had_room(claimed: Claimed, limit: float) -> bool:
    return claimed.used + claimed.reserved - claimed.amount < limit + claimed.carried + DUST


def _most(soaked: HubSoaked) -> dict[tuple[str, str, str], float]:
    """Give each budget by its holder, kind and span."""
    read = read_shared_limits(limits(soaked.seconds, soaked.users))
    budgets = SharedBudgets(read, None)  # type: ignore[arg-type]  # nothing is asked of its store
    found: dict[tuple[str, str, str], float] = {}
    for owner, groups in members(soaked.users).items():
        for kernel in (None, "kernel-0", "kernel-1"):
            for holder, budget in budgets.budgets(owner, kernel, groups).items():
                found |= {(holder, kind, span): most for kind, span, most in budget.limits()}
    return found
