"""Records out of Salesforce, page by page.

The first page comes by REST and says how many there are; many more come by Bulk API.
Whatever breaks, locator, window or field, only that query is begun again, behind the
last record.
"""

import logging
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from connectors.base import Note, Page, Pull
from connectors.errors import ResumeExpired, ShortPull, TooManyFields, Unreachable
from connectors.salesforce import bulk
from connectors.salesforce.added import Added
from connectors.salesforce.narrowing import narrowings
from connectors.salesforce.org import Org, OrgRefusal
from connectors.salesforce.problems import (
    LOST_LOCATOR,
    QUERY_TIMEOUT,
    SOURCE,
    TOO_COMPLICATED,
    TOO_LONG,
    OrgProblem,
    as_error,
)
from connectors.salesforce.queries import (
    FIRST,
    OrgRelations,
    Place,
    QueryPart,
    digest,
    parts,
    soql,
)
from connectors.salesforce.relations import read_deleted
from connectors.salesforce.replies import QueryLinks, query_result
from connectors.salesforce.schema import (
    RELATIONS,
    STAMP,
    ObjectShape,
    Shapes,
)
from connectors.salesforce.wide import Pieces

log = logging.getLogger(__name__)

BULK_PAGE = 1000
"""Records of a Bulk result that are handed on at a time."""
FIXES = 40
"""How often a query is begun again without getting any further: halving the window of
all times down to a second takes 30."""


class OrgReader:
    """Reads one object with the fields that a mapping asks for."""

    def __init__(
        self,
        org: Org,
        shapes: Shapes,
        relations: OrgRelations,
        *,
        added: Added,
        fields: Iterable[str],
    ) -> None:
        self.org = org
        self.name = added.object
        self.added = added
        self.notes: list[Note] = []
        self._left_out: set[str] = set()
        """Fields that some page came without."""
        self._shapes = shapes
        self._relations = relations
        self.narrowings = narrowings(self.name)
        needs = [*added.needs(), *(one.field for one in self.narrowings)]
        self._asked = tuple(dict.fromkeys(["Id", *fields, *needs]))
        for one in self.narrowings:
            self.notes += () if self.shape.sees(one.field) else one.notes(self.name)

    @property
    def shape(self) -> ObjectShape:
        """The object, as far as the org shows it now."""
        return self._shapes.of(self.name)

    def fields(self, part: QueryPart) -> list[str]:
        """List the fields to select: only what the org shows us."""
        names = [*self._asked, STAMP] if part.by_stamp else self._asked
        return [name for name in dict.fromkeys(names) if self.shape.sees(name)]

    def compare(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Notice fields that the org stopped showing: a page may come without them.

        What is only left out where it is empty is still described.
        """
        if not rows:
            return
        heads = {name.partition(".")[0] for name in self.fields(QueryPart())}
        absent = {name for name in heads if not any(name in row for row in rows)}
        if "Id" in absent:
            raise Unreachable(source=SOURCE, detail="records without their ids")
        if absent <= self._left_out:
            return
        self._left_out |= absent
        shape = self._shapes.again(self.name)
        for column in sorted(absent):
            if column not in shape.fields and column not in shape.links:
                self.forget(column)

    def pages(self, request: Pull) -> Iterator[Page]:
        """Read what was asked for; only the very last page has no cursor."""
        place = Place.resumed(request.resume, self.name)
        if request.since and not request.resume and self.name in RELATIONS:
            place = place.begun_by(self.org.server_time)
            gone = read_deleted(self.org, self.name, request.since)
            yield self.finished(gone, place, cursor=place.cursor)
        fields = self.fields(QueryPart())
        queries = parts(self.shape, request, fields, self._relations)
        for at in range(place.part, len(queries)):
            sole, last = len(queries) == 1, at == len(queries) - 1
            walk = QueryWalk(
                self, queries[at], replace(place, part=at), sole=sole, last=last
            )
            yield from walk.pages()
            place = Place(part=at + 1, begun=walk.place.begun)

    def forget(self, column: str) -> bool:
        """Leave out a field that the org stopped showing; False if it was not ours."""
        gone = [n for n in self._asked if column in (n, n.partition(".")[0])]
        if not gone or "Id" in gone:
            return False
        self._shapes.drop(self.name, [*gone, column])
        self._asked = tuple(name for name in self._asked if name not in gone)
        params = {"source": SOURCE, "object": self.name, "field": column}
        self.notes.append(Note(code="field_vanished", params=params))
        log.info("%s.%s is no longer visible", self.name, column)
        return True

    def finished(
        self,
        rows: list[dict[str, object]],
        place: Place,
        **page: Any,  # noqa: ANN401
    ) -> Page:
        """Make a page of rows, with what we add to each and what came to notice."""
        rows = [row for row in rows if all(one.fits(row) for one in self.narrowings)]
        self.added.fill(rows)
        notes, self.notes = self.notes, []
        return Page(rows=rows, server_time=place.begun_at, notes=notes, **page)


class QueryWalk:
    """One query from its first to its last record, whatever happens on the way."""

    def __init__(
        self,
        reader: OrgReader,
        part: QueryPart,
        place: Place,
        *,
        sole: bool,
        last: bool,
    ) -> None:
        """Begin at a place; ``sole`` and ``last`` say where the query stands."""
        self.place = place
        self._reader = reader
        self._org = reader.org
        self._part = part
        self._sole = sole and not (place.id or place.job or reader.narrowings)
        self._last = last
        self._is_resumed = bool(place.job)
        self._in_bulk: bool | None = None
        self._pieces = Pieces(reader.org, part)
        self._jobs_lost = False
        self._fixes = 0

    def pages(self) -> Iterator[Page]:
        """Read window after window; mostly there is only one."""
        while True:
            try:
                yield from self._window()
            except OrgRefusal as turned:
                self._mend(turned.problem)
                continue
            except bulk.JobGone:
                self._forget_job()
                continue
            except bulk.BulkRefused as refused:
                # Only what is too long for an address comes by Bulk API or not at all.
                self._split(str(refused))
                continue
            if not self.place.until:
                return
            self.place = self._following

    def _window(self) -> Iterator[Page]:
        if self.place.job:
            yield from self._chunks()
        elif self._in_bulk:
            yield from self._bulk(0)
        else:
            yield from self._rest()

    def _rest(self) -> Iterator[Page]:
        """Read by REST; after the first page, in bulk if there are many more."""
        self._begin()
        query = {"q": self._soql(ordered=True)}
        found, read = query_result(self._org.read(self._resource, query).data), 0
        self._begin()
        total, links = found.total, QueryLinks(self._reader.name, found.total)
        while True:
            link, fields = found.link, self._reader.fields(self._part)
            rows = self._pieces.join(self._reader.shape, fields, found.records)
            done = links.is_last(found)
            self._reader.compare(rows)
            read += len(found.records)
            if read < total and done:
                self._short(read, total)
            many = self._in_bulk is None and total > bulk.ABOVE and not done
            promised = total if self._sole and not many else None
            self._move_behind(found.records)
            yield self._page(rows, done=done, promised=promised)
            if done:
                return
            del rows, found  # what was handed on is not held
            if many and (yield from self._tried_in_bulk(read)):
                return
            found = query_result(self._org.read(link).data)

    def _tried_in_bulk(self, read: int) -> Generator[Page, None, bool]:
        """Read the rest in bulk; False, with nothing read, where the org refuses."""
        try:
            yield from self._bulk(read)
        except bulk.BulkRefused as refused:
            log.info(
                "%s: no Bulk API, going on by REST (%s)", self._reader.name, refused
            )
            self._in_bulk = False
            return False
        return True

    def _bulk(self, read: int) -> Iterator[Page]:
        self._begin()
        job = bulk.run_job(
            self._org, self._soql(ordered=False), everything=self._part.everything
        )
        log.info("%s: %s records by Bulk API", self._reader.name, job.rows)
        fields = self._reader.fields(self._part)
        self.place = self.place.in_job(job.id, job.rows, fields)
        promised = read + job.rows if self._sole else None
        if job.rows:
            yield from self._chunks(promised)
        else:
            yield self._page([], done=True, promised=promised)

    def _chunks(self, promised: int | None = None) -> Iterator[Page]:
        """Read a job's result; a resumed one from the page where it stopped.

        The number of records that the job promised is part of the place, so that a
        result that ends too soon is noticed by another process as well.
        """
        fields = self._reader.fields(self._part)
        if self.place.fields != digest(fields):
            raise bulk.JobGone  # it was asked for other fields
        locators = {self.place.locator}
        while True:
            before, skipped = self.place.came, self.place.done
            chunk = bulk.download(self._org, self.place.job, self.place.locator, fields)
            read, over = 0, False
            for rows, ends in chunk.pages(BULK_PAGE):
                read += len(rows)
                if read <= skipped and not ends:
                    continue
                if ends:
                    self.place = self.place.at_piece(chunk.locator, before + read)
                else:
                    self.place = replace(self.place, done=read)
                over = ends and (not read or chunk.locator in {"", *locators})
                self._count(over=over)
                yield self._page(rows, done=over, promised=promised)
                del rows  # what was handed on is not held
            if over:
                return
            locators.add(chunk.locator)

    def _count(self, *, over: bool) -> None:
        """Compare what came of a job's result with what the job promised.

        A run that began in the middle cannot tell which piece was too short, so that
        everything has to be read again.
        """
        came, total = self.place.came, self.place.total
        if over and came < total:
            if self._is_resumed:
                raise ResumeExpired(source=SOURCE, object=self._reader.name)
            self._short(came, total)
        if came > total:
            detail = "a result that is longer than its job"
            raise Unreachable(source=SOURCE, detail=detail)

    def _page(
        self, rows: list[dict[str, Any]], *, done: bool, promised: int | None
    ) -> Page:
        self._fixes = 0 if rows else self._fixes
        over = done and self._last and not self.place.until
        cursor = (self._following if done else self.place).cursor
        return self._reader.finished(
            rows,
            self.place,
            cursor=None if over else cursor,
            promised=promised,
            way="bulk" if self.place.job else "rest",
        )

    def _move_behind(self, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            self.place = self.place.behind(rows[-1])

    def _split(self, detail: str, error: Exception | None = None) -> None:
        """Ask for fewer fields at a time, or give up where they are few enough."""
        fields = self._reader.fields(self._part)
        params = {"source": SOURCE, "object": self._reader.name, "fields": len(fields)}
        self._pieces.narrow(fields, error or TooManyFields(**params, detail=detail))
        self._in_bulk = self._sole = False

    def _begin(self) -> None:
        """Remember the server's time when the pull began: the next watermark.

        It is that of the last reply before the query left: what is committed while the
        query or a job runs lies behind it. Only the very first reply tells it late.
        """
        self.place = self.place.begun_by(self._org.server_time)

    def _mend(self, problem: OrgProblem) -> None:
        """Make the query one that the org can answer, or give up."""
        error = as_error(problem, self._reader.name)
        self._count_fix(error)
        column = problem.hidden_column(self._soql(ordered=True))
        if problem.code in LOST_LOCATOR:
            log.info("%s: locator lost", self._reader.name)
        elif problem.code == QUERY_TIMEOUT:
            self._narrow(error)
        elif problem.status in TOO_LONG and self._in_bulk is None:
            self._in_bulk = True
        elif problem.status in TOO_LONG:
            self._split(problem.said)
        elif problem.code == TOO_COMPLICATED:
            self._split(problem.said, error)
        elif column is None or not self._reader.forget(column):
            raise error

    def _forget_job(self) -> None:
        """Run a job that is gone again, and do without jobs if that goes as well."""
        self._count_fix(ResumeExpired(source=SOURCE, object=self._reader.name))
        self.place, self._is_resumed = self.place.without_job(), False
        if self._jobs_lost and self._in_bulk is None:
            self._in_bulk = False
        self._jobs_lost = True

    def _narrow(self, error: Exception) -> None:
        now = self._org.server_time
        visible = self._reader.shape.sees(STAMP)
        narrowed = self.place.narrowed(self._part, now) if now and visible else None
        if narrowed is None:
            raise error
        log.info("%s: smaller window, until %s", self._reader.name, narrowed.until)
        self.place = narrowed
        self._sole = False

    @property
    def _following(self) -> Place:
        """What comes behind this window: the next one, or the next query."""
        if self.place.until:
            return self.place.following(self._org.server_time or FIRST)
        return Place(part=self.place.part + 1, begun=self.place.begun)

    def _count_fix(self, error: Exception) -> None:
        self._fixes += 1
        if self._fixes > FIXES:
            raise error

    def _short(self, read: int, promised: int) -> NoReturn:
        raise ShortPull(
            source=SOURCE, object=self._reader.name, read=read, promised=promised
        )

    @property
    def _resource(self) -> str:
        return "queryAll" if self._part.everything else "query"

    def _soql(self, *, ordered: bool) -> str:
        order = f"{STAMP}, Id" if self._part.by_stamp else "Id"
        return soql(
            self._reader.name,
            self._pieces.first(self._reader.fields(self._part)),
            self.place.where(self._part),
            order if ordered else "",
        )
