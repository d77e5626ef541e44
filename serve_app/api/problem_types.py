"""What the `type` of a problem points to (RFC 9457, section 3.1.1)."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from serve_app.openapi import problems
from serve_app.problems import PROBLEMS, Problem

router = APIRouter(prefix="/problems", tags=["problems"])


class ProblemPage(BaseModel):
    code: str
    status: int
    title: str


@router.get("", operation_id="listProblems")
async def every() -> list[ProblemPage]:
    """Every code that an answer can have."""
    return [ProblemPage(code=code, status=p.status, title=p.title) for code, p in PROBLEMS.items()]


@router.get("/{code}", operation_id="getProblem", responses=problems(404))
async def one(code: str) -> ProblemPage:
    """One code."""
    if code not in PROBLEMS:
        raise Problem("not_found")
    return ProblemPage(code=code, status=PROBLEMS[code].status, title=PROBLEMS[code].title)
