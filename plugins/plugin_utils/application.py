# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is wrong with an application's file. This plugin util is private to the collection.

The role's own spec says which fields there are. What is in them is judged by the modules to which the role hands them:
by their argument specs, and by what they refuse whatever the host is like. Nothing of it is said here a second time.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import ArgumentValueError

from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._backup import usecase_backup
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.loss import parse_budget
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.options import terms_argument_spec
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address, parse_address
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment import release
from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv.plan import plan_environment
from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv.schema import parse_schema
from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv.text import Parsed
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate import options as migrate
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.registry import RUNNERS
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.rules import refused
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tool import erasing
from ansible_collections.shipshape.webapp.plugins.module_utils._notice import usecase as notice
from ansible_collections.shipshape.webapp.plugins.module_utils._secrets import masked
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke import options as smoke
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Setting
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.registry import KINDS
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.suite import read_suite
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.web import base_url_problems
from ansible_collections.shipshape.webapp.plugins.module_utils._suggest import did_you_mean
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision import options as supervision
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision import pm2
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.supervisor import Slot
from ansible_collections.shipshape.webapp.plugins.modules import db_backup
from ansible_collections.shipshape.webapp.plugins.modules.deployment_notice import deployment_notice_argument_spec

T = TypeVar("T")
Options = Mapping[str, Mapping[str, Any]]

# What begins with this belongs to the file.
_PREFIX = "app_"

# What of a module the role itself says, or never says.
_NOT_OF_MIGRATE = frozenset({"state", "steps", "backup", "without_backup", "statement_done"})
_OF_NOTICE = ("webhooks", "mail", "markers")

# Which option of a module a field is.
_OF_RELEASE = {
    "source": "app_source",
    "build": "app_build",
    "environment": "app_build_environment",
    "secrets": "app_build_secrets",
    "shared": "app_shared",
    "shared_files": "app_shared_files",
    "keep": "app_keep",
}
_OF_PROCESSES = {"application": "app_name", "processes": "app_processes", "stable": "app_stable"}
_OF_CHECKS = {
    "vars": "app_check_vars",
    "identities": "app_check_identities",
    "secrets": "app_check_secrets",
    "ca": "app_check_ca",
}

_RULES = ("mutually_exclusive", "required_together", "required_one_of", "required_if", "required_by")
_NOUNS = {
    "bool": "not true or false",
    "dict": "no mapping",
    "float": "no number",
    "int": "no whole number",
    "list": "no list",
    "path": "no path",
    "str": "no text",
}

# In the place of what is not known yet, or is wrong and told already.
_ROOT, _NAME, _URL = "/srv/application", "application", "sqlite:///srv/application/data.db"
_PRIVATE_URL = "http://127.0.0.1:3000"


def application_problems(fields: Mapping[str, Any], known: Options, random: Callable[[int], bytes]) -> list[str]:
    """What is wrong with these fields, a sentence each that begins with where it is, and that holds no value.

    `known` are the fields that there are, as options of an argument spec. A field whose value is None is not judged:
    its value is not known yet.
    """
    judge = _Judge(*({name: one[name] for name in one if name.startswith(_PREFIX)} for one in (fields, known)))
    judge.release()
    judge.processes()
    judge.environment(random)
    judge.database()
    judge.notice()
    judge.health()
    judge.suites()
    # What both slots or both suites have in common is told once.
    return list(dict.fromkeys(judge.form.told))


class _Form:
    """Reads values as AnsibleModule does, and collects what is wrong with them."""

    def __init__(self) -> None:
        self.told: list[str] = []
        # Of a list without what is wrong in it: the numbers that the rest had in the file.
        self._numbers: dict[str, list[int]] = {}

    def mapping(self, spec: Mapping[str, Any], given: Mapping[str, Any], place: str) -> dict[str, Any] | None:
        """The values with their defaults; None if one of them is wrong, or if they do not go together."""
        options, told = spec["options"], len(self.told)
        values = self.each(options, given, f"{place}.")
        if len(self.told) == told:
            raw = {name: {"type": "raw", "default": option.get("default")} for name, option in options.items()}
            rules = ArgumentSpecValidator(raw, **{rule: spec[rule] for rule in _RULES if rule in spec})
            self.told += [f"{place}: {message}." for message in rules.validate(given).error_messages]
        return values if len(self.told) == told else None

    def each(self, options: Options, given: Mapping[str, Any], before: str = "") -> dict[str, Any]:
        """The values that are right, with defaults for all others."""
        for name in given:
            if name not in options:
                nearest = did_you_mean(name, options)
                self.told.append(f"{before}{name}: there is no such field; {nearest[0].lower()}{nearest[1:]}")
        values = {}
        for name, option in options.items():
            value = None
            if given.get(name) is not None:
                value = self.value(option, given[name], f"{before}{name}")
            elif option.get("required"):
                self.told.append(f"{before}{name}: it is missing.")
            values[name] = option.get("default") if value is None else value
        return values

    def value(self, option: Mapping[str, Any], given: object, place: str) -> Any:
        """The value as the module has it; None if it is wrong."""
        wanted = option.get("type", "str")
        # A text such as a=b would be taken apart, and the sentences about it name what is before the sign.
        if wanted == "dict" and isinstance(given, str) and not given.lstrip().startswith("{"):
            self.told.append(f"{place}: this is {_NOUNS[wanted]}.")
            return None
        plain = {key: option[key] for key in ("type", "choices") if key in option}
        result = ArgumentSpecValidator({"it": plain}).validate({"it": given})
        # Ansible's own sentences hold the value.
        if any(isinstance(error, ArgumentValueError) for error in result.errors.errors):
            self.told.append(f"{place}: say one of {', '.join(map(str, option['choices']))}.")
        elif result.error_messages:
            self.told.append(f"{place}: this is {_NOUNS[wanted]}.")
        else:
            found = result.validated_parameters["it"]
            if wanted == "list":
                return self._elements(option, found, place)
            return self.mapping(option, found, place) if "options" in option else found
        return None

    def _elements(self, option: Mapping[str, Any], given: Sequence[object], place: str) -> list[Any]:
        one = {**option, "type": option.get("elements", "raw")}
        told = len(self.told)
        values = {number: self.value(one, element, f"{place}[{number}]") for number, element in enumerate(given, 1)}
        if len(self.told) > told:
            values = {number: value for number, value in values.items() if value is not None}
        self._numbers[place] = list(values)
        return list(values.values())

    def ask(
        self,
        asked: Callable[[], T],
        places: Mapping[str, str],
        otherwise: str = "",
        at: Callable[[str], str] = str,
    ) -> T | None:
        """What comes of it; None if it is refused, which is told, with the places as `at` has them."""
        try:
            return asked()
        except InvalidInput as error:
            self.tell(map(at, error.details["problems"]), places, otherwise)
            return None

    def tell(self, problems: Iterable[str], places: Mapping[str, str], otherwise: str = "") -> None:
        """A module's sentences with the places in the file instead of its options, or with `otherwise` before them."""

        def place(found: re.Match[str]) -> str:
            field, number = places[found[1] or found[3]], found[2] or found[4]
            return self.numbered(field, int(number)) if number else field

        named = "|".join(map(re.escape, places))
        # Elsewhere than at the beginning, the name of an option can be a word like any other.
        option = re.compile(rf"^({named})(?!\w)(?:\[([0-9]+)\])?|(?<![\w.])({named})(?:\[([0-9]+)\]|(?=\.\w)|(?<=\]))")
        for problem in problems:
            told = option.sub(place, problem) if places else problem
            self.told.append(told if told.startswith(_PREFIX) else f"{otherwise}{told}")

    def numbered(self, place: str, number: int) -> str:
        """Where in the file this element of a list stands."""
        return f"{place}[{self._numbers[place][number - 1]}]" if place in self._numbers else f"{place}[{number}]"


class _Judge:
    """Hands the fields to the modules' own readers, with what the role adds to them."""

    def __init__(self, fields: Mapping[str, Any], known: Options) -> None:
        self.form = _Form()
        self._not_known = {name for name in known if name in fields and fields[name] is None}
        given = {name: value for name, value in fields.items() if name not in self._not_known}
        if isinstance(given.get("app_migrate"), Mapping):
            # The role says at least where the release is.
            given["app_migrate"] = {"project": "", **given["app_migrate"]}
        self._given = set(given)
        declared = _declared()
        options = {name: {**declared.get(name, {}), **option} for name, option in known.items()}
        not_asked = {name: {**options[name], "required": False, "default": None} for name in self._not_known}
        self.values = self.form.each({**options, **not_asked}, given)

    def release(self) -> None:
        """The source, the build and what is shared."""
        params = {**self._params(release.release_argument_spec(), _OF_RELEASE), "root": self._root}
        file = self.values.get("app_environment_file")
        if "app_environment" in self._given and file is not None:
            params["copied_files"] = [file]
        places = {**_OF_RELEASE, "copied_files[1]": "app_environment_file"}
        self.form.ask(lambda: release.request_of(params), places)
        # A build has the application's environment, and with it the way to its database.
        for number, step in enumerate(params["build"] or (), 1):
            for option in ("install", "run"):
                words = erasing(step[option] or "")
                if words:
                    place = f"{self.form.numbered('app_build', number)}.{option}"
                    self.form.told.append(f"{place}: {words} drops data, and the way back is a backup. Leave it out.")

    def processes(self) -> None:
        """The processes, in each slot that they can be in."""
        params = self._params(supervision.supervision_argument_spec(), _OF_PROCESSES)
        params["application"] = params["application"] or _NAME
        self.form.ask(lambda: supervision.slot_of(supervision.request_of(params)), _OF_PROCESSES)
        if self._is_open("app_strategy"):
            return
        for name in ("blue", "green") if self.values.get("app_strategy") == "slots" else (None,):
            definitions, problems = supervision.drafted(params["processes"] or (), name)
            slot = Slot(params["application"], name)
            problems = [
                *problems,
                *((at, problem) for at, one in enumerate(definitions) for problem in pm2.problems_of(one, slot)),
            ]
            self.form.told += [f"{self.form.numbered('app_processes', at + 1)}: {problem}" for at, problem in problems]

    def environment(self, random: Callable[[int], bytes]) -> None:
        """The environment file as it would be on a host where there is none yet."""
        schema, values = self.values.get("app_environment"), self.values.get("app_environment_values")
        fields = self.form.ask(lambda: parse_schema(schema or {}), {"schema": "app_environment"})
        if schema is None or fields is None or self._is_open("app_environment_values"):
            return
        self.form.ask(
            lambda: plan_environment(
                fields=fields,
                values=values or {},
                present=Parsed({}, ()),
                unknown=self.values.get("app_environment_unknown") or "drop",
                random=random,
                subject="",
            ),
            {},
            "app_environment_values.",
        )

    def database(self) -> None:
        """The address, its backup, and its migration."""
        url, backup = self.values.get("app_database"), self.values.get("app_backup")
        address = None
        if url is not None:
            password = self.values.get("app_database_password")
            address = self.form.ask(lambda: parse_address(url, password), {}, "app_database: ")
        if backup is not None:
            self._backup({**backup, "database": _URL})
        if self.values.get("app_migrate") is not None:
            has_backup = backup is not None or self._is_open("app_backup")
            self._migration(self.values["app_migrate"], address or parse_address(_URL), has_backup)

    def notice(self) -> None:
        """Who is told."""
        told = self.values.get("app_notify") or {}
        webhooks, markers = (told.get(option) or () for option in ("webhooks", "markers"))
        request = notice.Request(summary=["-"], webhooks=webhooks, mail=told.get("mail"), markers=markers)
        places = {option: f"app_notify.{option}" for option in _OF_NOTICE}
        self.form.tell(notice.problems_of(request), places)

    def health(self) -> None:
        """What is asked where there is no suite, and where the world asks."""
        check = {"http": {"get": self.values.get("app_health") or "/"}}
        places = dict.fromkeys(("checks[1].http: get", "checks[1].http", "checks[1]"), "app_health")
        self.form.ask(lambda: read_suite([check], KINDS, Setting(_PRIVATE_URL), {}, {}), places, at=_at_check)
        if self.values.get("app_url") is not None:
            self.form.tell(base_url_problems(check["http"], self.values["app_url"]), {"base_url": "app_url"})

    def suites(self) -> None:
        """The checks, wherever the file has some."""
        for field in ("app_preflight", "app_gate", "app_checks"):
            self._suite(field, self.values.get(field))
        for field in ("app_troubles", "app_chores"):
            for number, one in enumerate(self.values.get(field) or (), 1):
                self._suite(f"{self.form.numbered(field, number)}.checks", one["checks"])

    def _suite(self, field: str, given: Any) -> None:
        """The checks of one suite, unless it is only said where they are."""
        if given is None or isinstance(given, str) or any(map(self._is_open, _OF_CHECKS.values())):
            return
        params = {**self._params(smoke.smoke_argument_spec(), _OF_CHECKS), "checks": given, "base_url": _PRIVATE_URL}
        built_in = {"root": self._root, "release": self._release, "port": 3000, "watch": "60s"}
        params["vars"] = {**built_in, **(params["vars"] or {})}
        told, self.form.told = self.form.told, []
        is_whole = isinstance(given, Mapping)
        places = {
            "checks": field,
            **{
                option: f"{field}.{option}" if is_whole and option in given else name
                for option, name in _OF_CHECKS.items()
            },
        }
        request = self.form.ask(lambda: smoke.request_of(params, _unread), places, f"{field}.")
        # Where an identity is wrong, the checks are judged all the same.
        checks = request.checks if request else given if isinstance(given, list) else None
        if checks is not None:
            setting = Setting(_PRIVATE_URL, request.database if request else None)
            identities = request.identities if request else params["identities"] or {}
            variables = request.variables if request else params["vars"]
            unnamed = [_without_name(check) for check in checks]
            self.form.ask(
                lambda: read_suite(unnamed, KINDS, setting, identities, variables),
                {"checks": f"{field}.checks" if is_whole else field},
                at=_at_check,
            )
        self.form.told = [*told, *masked(self.form.told, smoke.secrets_of(params))]

    def _backup(self, given: Mapping[str, Any]) -> None:
        spec = db_backup.backup_argument_spec().merge(terms_argument_spec())
        said = {option: value for option, value in given.items() if value is not None}
        name = self.values.get("app_name") or _NAME
        params = {**self._params(spec, {}), "name": name, "database_password": None, **said}
        places = {} if "name" in said else {"name": "app_name"}
        self.form.ask(lambda: usecase_backup.refuse(db_backup.request_of(params)), places, "app_backup.")

    def _migration(self, given: Mapping[str, Any], address: Address, has_backup: bool) -> None:
        in_release = {
            option: posixpath.join(self._release, given[option])
            for option in ("project", "directory")
            if given[option] is not None
        }
        params = {**self._params(migrate.migrate_argument_spec(), {}), **given, **in_release, "backup": has_backup}
        places, otherwise = {"database": "app_database"}, "app_migrate."
        request = self.form.ask(lambda: migrate.request_of(params, address), places, otherwise)
        self.form.ask(lambda: parse_budget(params["loss_budget"]), places, otherwise)
        self.form.ask(lambda: refused([], params["allow_destructive"]), places, otherwise)
        if request is not None:
            self.form.ask(lambda: RUNNERS[params["runner"]].refuse(request.project), places, otherwise)

    @property
    def _root(self) -> str:
        return self.values.get("app_root") or _ROOT

    @property
    def _release(self) -> str:
        return f"{self._root}/releases/release"

    def _params(self, spec: ArgumentSpec, fields: Mapping[str, str]) -> dict[str, Any]:
        """What the module has when these of its options are said."""
        said = {option: self.values.get(field) for option, field in fields.items()}
        defaults = {option: declared.get("default") for option, declared in spec.options.items()}
        return {**defaults, **{option: value for option, value in said.items() if value is not None}}

    def _is_open(self, field: str) -> bool:
        """Whether there is a value that is not known, or was wrong."""
        return field in self._not_known or (field in self._given and self.values[field] is None)


def _without_name(check: object) -> object:
    """The check as it is to be told of: by where it stands, and not by what the user calls it."""
    if isinstance(check, (list, tuple)):
        return [_without_name(step) for step in check]
    if not isinstance(check, Mapping):
        return check
    steps = {word: _without_name(check[word]) for word in ("scenario", "finally") if word in check}
    left_out = ("name",) if isinstance(check.get("name"), str) else ()
    return {word: value for word, value in {**check, **steps}.items() if word not in left_out}


def _at_check(told: str) -> str:
    """With a path in the file instead of the number of a check, of its step, and of what it is one of several for."""

    def path(found: re.Match[str]) -> str:
        check, last, step, kind, number = found.groups(default="")
        step = f".{'finally' if last else 'scenario'}[{step}]" if step else ""
        return f"checks[{check}]{step}{kind}{f'[{number}]' if number else ''}"

    return re.sub(r"^check ([0-9]+)(?:, (last )?step ([0-9]+))?(\.\w+)?(?:\.([0-9]+))?", path, told)


def _unread(path: str) -> object:
    raise AssertionError("A suite that is a path is not judged.")


def _declared() -> dict[str, Mapping[str, Any]]:
    """What modules say of the fields that are their options."""
    parts = (
        (release.release_argument_spec(), _OF_RELEASE),
        (supervision.supervision_argument_spec(), _OF_PROCESSES),
        (smoke.smoke_argument_spec(), _OF_CHECKS),
    )
    found = {field: spec.options[option] for spec, fields in parts for option, field in fields.items()}
    ours = migrate.migrate_argument_spec()
    theirs = deployment_notice_argument_spec().options
    return {
        **found,
        "app_migrate": {
            "options": {name: option for name, option in ours.options.items() if name not in _NOT_OF_MIGRATE},
            "required_if": ours.required_if,
        },
        "app_notify": {"options": {name: theirs[name] for name in _OF_NOTICE}},
    }
