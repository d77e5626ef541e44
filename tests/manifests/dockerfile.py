"""A Dockerfile as data, and rules for it: what hadolint asks for, and what this project promises.

Reference: https://docs.docker.com/reference/dockerfile/. A rule gives one sentence for every place where it is broken.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch

SECRET = re.compile(r"(PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIAL|PRIVATE|API_?KEY)", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")


@dataclass(frozen=True)
class Instruction:
    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """The exec form's elements, or the words of the shell form without flags like `--from=`."""
        if self.text.startswith("["):
            return json.loads(self.text)
        return [word for word in self.text.split() if not word.startswith("--")]

    @property
    def flags(self) -> dict[str, str]:
        return dict(re.findall(r"--([\w-]+)=(\S+)", self.text.split("&&")[0]))


@dataclass
class Stage:
    base: str
    name: str
    instructions: list[Instruction] = field(default_factory=list[Instruction])

    def all(self, name: str) -> list[Instruction]:
        return [instruction for instruction in self.instructions if instruction.name == name]


@dataclass
class Dockerfile:
    arguments: dict[str, str | None]
    """ARG before the first FROM; None has no default."""
    stages: list[Stage]

    @property
    def final(self) -> Stage:
        return self.stages[-1]


def parse(text: str) -> Dockerfile:
    """Stages with their instructions; comments and line continuations are resolved. Raises ValueError."""
    arguments: dict[str, str | None] = {}
    stages: list[Stage] = []
    for instruction in _instructions(text):
        if instruction.name == "FROM":
            match = re.fullmatch(r"(\S+)(?: AS (\S+))?", instruction.text)
            if match is None:
                raise ValueError(f"FROM {instruction.text}")
            stages.append(Stage(match[1], match[2] or ""))
        elif stages:
            stages[-1].instructions.append(instruction)
        elif instruction.name == "ARG":
            name, given, default = instruction.text.partition("=")
            arguments[name] = default if given else None
        else:
            raise ValueError(f"{instruction.name} before FROM")
    return Dockerfile(arguments, stages)


def _instructions(text: str) -> Iterator[Instruction]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            yield Instruction(name.upper(), rest.strip())


def pairs(instruction: Instruction) -> dict[str, str]:
    """The assignments of ENV, LABEL or ARG; the value of an ARG without default is empty."""
    found = re.findall(r'([\w.]+)(?:=("[^"]*"|\S*))?', instruction.text)
    return {name: value.strip('"') for name, value in found}


Rule = Callable[[Dockerfile], Iterator[str]]


def bases_are_pinned(file: Dockerfile) -> Iterator[str]:
    """Every base is another stage, or an image with a tag that is not `latest` and a digest from an ARG."""
    stages = {stage.name for stage in file.stages}
    for base in (stage.base for stage in file.stages if stage.base not in stages):
        image, _, digest = base.partition("@")
        variable = _VARIABLE.fullmatch(digest)
        if ":" not in image or image.endswith(":latest"):
            yield f"{base} has no tag of its own"
        if variable is None or variable[1] not in file.arguments:
            yield f"{base} has no digest from an ARG"


def the_user_is_a_number_and_not_root(file: Dockerfile) -> Iterator[str]:
    """Kubernetes cannot check `runAsNonRoot` of a name."""
    users = [instruction.text for instruction in file.final.all("USER")]
    if not users or not re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1]):
        yield f"USER is {users[-1] if users else 'root'}"


def nothing_is_fetched_by_add(file: Dockerfile) -> Iterator[str]:
    for instruction in _all(file, "ADD"):
        yield f"ADD {instruction.text}: COPY says what it does"


def no_secrets(file: Dockerfile) -> Iterator[str]:
    """ENV and ARG stay in the image's history."""
    names = {*file.arguments}
    for kind in ("ENV", "ARG"):
        names |= {name for instruction in _all(file, kind) for name in pairs(instruction)}
    yield from (f"{name} looks like a secret" for name in sorted(names) if SECRET.search(name))


def commands_are_in_exec_form(file: Dockerfile) -> Iterator[str]:
    """A shell in between would get the signals."""
    for kind in ("CMD", "ENTRYPOINT"):
        for instruction in _all(file, kind):
            if not instruction.text.startswith("["):
                yield f"{kind} {instruction.text}"


def apt_leaves_nothing_behind(file: Dockerfile) -> Iterator[str]:
    for instruction in _all(file, "RUN"):
        if "apt-get install" in instruction.text:
            if "--no-install-recommends" not in instruction.text:
                yield "apt-get installs what is only recommended"
            if "rm -rf /var/lib/apt/lists/*" not in instruction.text:
                yield "apt-get leaves its lists"


def pip_is_pinned_and_keeps_no_cache(file: Dockerfile) -> Iterator[str]:
    for instruction in _all(file, "RUN"):
        match = re.search(r"pip install (.*)", instruction.text)
        if match is not None:
            if "--no-cache-dir" not in match[1]:
                yield "pip keeps its cache"
            packages = [word for word in match[1].split() if not word.startswith("--")]
            yield from (f"{word} is not pinned" for word in packages if "==" not in word)


def directories_are_absolute(file: Dockerfile) -> Iterator[str]:
    for instruction in _all(file, "WORKDIR"):
        if not instruction.text.startswith("/"):
            yield f"WORKDIR {instruction.text}"


def nobody_becomes_root(file: Dockerfile) -> Iterator[str]:
    for instruction in _all(file, "RUN"):
        if re.search(r"\bsudo\b|chmod\s+(-R\s+)?777", instruction.text):
            yield instruction.text


RULES: tuple[Rule, ...] = (
    bases_are_pinned,
    the_user_is_a_number_and_not_root,
    nothing_is_fetched_by_add,
    no_secrets,
    commands_are_in_exec_form,
    apt_leaves_nothing_behind,
    pip_is_pinned_and_keeps_no_cache,
    directories_are_absolute,
    nobody_becomes_root,
)


def _all(file: Dockerfile, name: str) -> list[Instruction]:
    return [instruction for stage in file.stages for instruction in stage.all(name)]


def copied(file: Dockerfile) -> set[str]:
    """The paths of the build context that are copied, without trailing slashes."""
    return {
        word.rstrip("/")
        for instruction in _all(file, "COPY")
        if "from" not in instruction.flags
        for word in instruction.words[:-1]
    }


def is_let_through(path: str, ignore: Iterable[str]) -> bool:
    """Whether a .dockerignore of these lines lets a path into the build: the last pattern that fits decides, and a
    directory that fits takes along what is in it."""
    ignored = False
    for line in ignore:
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        keeps, pattern = pattern.startswith("!"), pattern.removeprefix("!").rstrip("/")
        if _fits(path, pattern):
            ignored = not keeps
    return not ignored


def _fits(path: str, pattern: str) -> bool:
    parts = path.split("/")
    prefixes = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    if pattern.startswith("**/"):
        return any(fnmatch(part, pattern[3:]) for part in parts)
    return any(fnmatch(prefix, pattern) and "/" not in prefix for prefix in prefixes)
