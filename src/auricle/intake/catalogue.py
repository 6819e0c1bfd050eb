"""The catalogue: the built-in schemas, and over them those of each tenant.

The doors ask for a tenant's registry with every request, so that is one look-up in a dict. It is made anew when the
tenant's revision has risen: at once by the process that made the change, within a second or so by others (`refresh`).
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jsonschema_rs
import structlog

from auricle import clock
from auricle.errors import AuricleError, Conflict, Invalid, NotFound, TooLarge
from auricle.intake.compatibility import Change, compare, part_of, rises_enough, same
from auricle.intake.registration import Candidate, written_out
from auricle.intake.schemas import Registry
from auricle.model.options import UNASKED, TenantOptions
from auricle.model.receipt import Fault, pointer_of
from auricle.model.schema import FIRST, Mode, Part, TenantSchema, TenantSchemas, Version
from auricle.store.schema import SchemaStore

log = structlog.get_logger(__name__)

_NOTHING = TenantSchemas(0)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a candidate would be for its tenant."""

    revision: int
    """The tenant's revision it was judged against."""
    registry: Registry
    """The tenant's registry with the candidate in it."""
    base: TenantSchema | None
    """The newest version there is; None for the first."""
    changes: tuple[Change, ...] = ()
    known: bool = False
    """Whether this very document is registered already."""

    @property
    def part(self) -> Part | None:
        """The part of the version that the changes raise; None for the first version."""
        return part_of(list(self.changes)) if self.base is not None else None


class Catalogue:
    """The registries of all tenants. `for_tenant` is for the event loop, all else for threads."""

    def __init__(
        self,
        store: SchemaStore,
        built_in: Registry,
        limit: int,
        options: Callable[[str], TenantOptions] = lambda _tenant: UNASKED,
    ) -> None:
        """`options` gives what a tenant asks for."""
        self._store = store
        self._limit = limit
        self._options = options
        self._lock = threading.Lock()
        self._registries: dict[str, Registry] = {}
        self._told: dict[str, TenantSchemas] = {}
        self.built_in = built_in

    def for_tenant(self, tenant_id: str) -> Registry:
        """The schemas that hold for a tenant."""
        return self._registries.get(tenant_id, self.built_in)

    def options_of(self, tenant_id: str) -> TenantOptions:
        """What the tenant asks to be done to its events."""
        return self._options(tenant_id)

    def told(self, tenant_id: str) -> TenantSchemas:
        """What the tenant registered, read anew."""
        return self._reload(tenant_id)

    def refresh(self) -> None:
        """Takes up what other processes changed; called at the start, and then every second.

        Raises:
            Unavailable: the database is out of reach; what was known goes on to hold.
        """
        for tenant_id, revision in self._store.revisions().items():
            if self._told.get(tenant_id, _NOTHING).revision != revision:
                self._reload(tenant_id)

    def judge(self, tenant_id: str, candidate: Candidate) -> Judgement:
        """Whether a candidate may become the newest schema of its event name.

        Raises:
            Conflict: the version is taken, or tells less than the changes do; the right one is proposed.
            Invalid: the vendor is another one, or the document does not compile.
            TooLarge: the tenant has as many versions as it may.
        """
        told = self._reload(tenant_id)
        versions = told.of(candidate.event_name)
        base = versions[-1] if versions else None
        if any(one.id == candidate.id and same(one.document, candidate.document) for one in versions):
            return Judgement(told.revision, self.for_tenant(tenant_id), base, known=True)
        if len(told.schemas) >= self._limit:
            text = f"A tenant may register {self._limit} versions: see AURICLE_MAX_SCHEMAS."
            raise TooLarge("The tenant has as many schemas as it may.", (Fault("", "max_schemas", text),))
        if base is not None and base.vendor != candidate.vendor:
            text = f"The schemas of this event name are of the vendor {base.vendor}: keep it."
            raise Invalid("The schema cannot be registered.", (Fault("/schema/$id", "vendor", text),))
        # NOTE: first it must compile: only then are its keywords known to hold what they should.
        registry = self._compiled(told, _schema_of(candidate))
        changes = compare(written_out(base.document), written_out(candidate.document)) if base else []
        _check_version(candidate.version, base, changes)
        return Judgement(told.revision, registry, base, tuple(changes))

    def register(self, tenant_id: str, candidate: Candidate, judgement: Judgement, *, actor: str = "service") -> None:
        """Keeps a candidate that was judged; this process's doors know it when this returns.

        The audit log tells that `actor` registered it.

        Raises:
            Conflict: the tenant's schemas were changed since the judgement.
        """
        if not self._store.add(tenant_id, _schema_of(candidate), judgement.revision, actor=actor):
            raise _moved()
        self._reload(tenant_id)

    def set_mode(self, tenant_id: str, event_name: str, mode: Mode, *, actor: str = "service") -> None:
        """Sets what becomes of events of that name that break their schema; the audit log tells that `actor` did.

        Raises:
            NotFound: no schema has this name.
            Conflict: the tenant's schemas were changed at the same moment.
        """
        told = self._reload(tenant_id)
        if event_name not in self.for_tenant(tenant_id).known:
            raise NotFound("No schema has this event name.")
        if not self._store.set_mode(tenant_id, event_name, mode, told.revision, clock.micros(), actor=actor):
            raise _moved()
        self._reload(tenant_id)

    def _reload(self, tenant_id: str) -> TenantSchemas:
        """The tenant's schemas as the database has them; its registry is made anew if they changed."""
        with self._lock:
            told = self._store.read(tenant_id)
            if told.revision == self._told.get(tenant_id, _NOTHING).revision:
                return told
            try:
                made = self.built_in.extended(told)
            except (AuricleError, ValueError) as error:
                # What was registered compiled once. If it does not now, the doors stay with what they have.
                log.error("schemas_unreadable", tenant_id=tenant_id, error=type(error).__name__)
                return told
            self._registries[tenant_id] = made
            self._told[tenant_id] = told
            return told

    def _compiled(self, told: TenantSchemas, schema: TenantSchema) -> Registry:
        """The registry with one more schema, alone: what else there is compiled before."""
        try:
            return self.built_in.extended(TenantSchemas(told.revision, (schema,), told.modes))
        except jsonschema_rs.ValidationError as error:
            where = [str(part) for part in error.instance_path]
            where = where[where.index("attributes") + 1 :] if "attributes" in where else []
            if schema.event_name in self.built_in.known:
                where = where[2:]  # where it stands beside the built-in one: allOf, 1
            pointer = "/schema" + pointer_of(where)
            text = "This breaks a rule of JSON Schema 2020-12: mend it. Patterns may not look around, nor grow large."
            raise Invalid("The schema does not compile.", (Fault(pointer[:256], error.kind.name, text),)) from None
        except ValueError:
            text = "The document is no JSON Schema 2020-12 that can be compiled here: mend it."
            raise Invalid("The schema does not compile.", (Fault("/schema", "compile", text),)) from None


def _check_version(version: Version, base: TenantSchema | None, changes: list[Change]) -> None:
    """Refuses a version that does not follow from what there is and what was changed."""
    if base is None:
        if version != FIRST:
            raise _conflict(f"The first version of a schema is {FIRST}: register it as that.")
        return
    needed = part_of(changes)
    fitting = {base.version.next(part): part for part in Part if rises_enough(part, needed)}
    if version in fitting:
        return
    why = tuple(Fault("/schema" + one.pointer[:240], one.part, one.message) for one in changes if one.part is needed)
    text = f"After {base.version} and this change, which raises the {needed}, the next version is "
    raise _conflict(text + f"{base.version.next(needed)}: register it as that.", why[:10])


def _conflict(text: str, why: tuple[Fault, ...] = ()) -> Conflict:
    return Conflict("The version does not fit.", (Fault("/schema/$id", "version", text), *why))


def _moved() -> Conflict:
    return Conflict("The schemas were changed at the same moment; look at them, and try again.")


def _schema_of(candidate: Candidate) -> TenantSchema:
    document: Mapping[str, object] = candidate.document
    return TenantSchema(candidate.vendor, candidate.event_name, candidate.version, document, clock.micros())
