"""Who may change whom, in the words of a refusal. Pure."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from core.identity.principals import Principal, PrincipalKind
from core.store.person import Person

ROLES = frozenset({"is_staff", "is_superuser"})
WAYS_IN = frozenset({"username", "email", "phone", "password"})
"""A person who sets one of these for an account can log in as its owner, at once or by a reset mail."""


def why_not_create(editor: Principal, given: AbstractSet[str]) -> str | None:
    """`given` are the roles that the new account is to have."""
    if given and editor.kind is not PrincipalKind.SUPERUSER:
        return "Only a superuser may give roles"
    return None


def why_not_change(editor: Principal, person: Person, changed: AbstractSet[str]) -> str | None:
    """Why `editor` may not change these fields of `person`; None if they may."""
    if editor.kind is PrincipalKind.SUPERUSER:
        return None
    if person.is_superuser:
        return "Only a superuser may change a superuser"
    if changed & ROLES:
        return "Only a superuser may give or take roles"
    if not person.is_staff:
        return None
    if "password" in changed:
        return "Only a superuser may set the password of staff; your own you change yourself"
    if person.id == editor.user_id:
        return None
    if changed & WAYS_IN:
        return "Only a superuser may change what another member of staff logs in with"
    if "is_active" in changed:
        return "Only a superuser may deactivate or reactivate another member of staff"
    return None


def why_not_export(editor: Principal, person: Person) -> str | None:
    if editor.kind is PrincipalKind.SUPERUSER or person.id == editor.user_id:
        return None
    if person.is_superuser or person.is_staff:
        return "Only a superuser may export the data of another member of staff"
    return None


def why_not_delete(editor: Principal, person: Person) -> str | None:
    if editor.kind is PrincipalKind.SUPERUSER:
        return None
    if person.is_superuser:
        return "Only a superuser may delete a superuser"
    if person.is_staff and person.id != editor.user_id:
        return "Only a superuser may delete another member of staff"
    return None


def why_not_delete_here(editor: Principal, person: Person) -> str | None:
    """An open browser or a stolen session must not be enough to end an account: its owner confirms it elsewhere."""
    if person.id == editor.user_id:
        return "This is your own account: DELETE /api/user/ deletes it, and asks you to confirm that"
    return None


def why_not_promote(editor: Principal, person: Person) -> str | None:
    """Why `editor` may not make this person a practitioner: a new role ends every login of its account."""
    if editor.kind is PrincipalKind.SUPERUSER or person.id == editor.user_id:
        return None
    if person.is_staff or person.is_superuser:
        return "Only a superuser may make another member of staff a practitioner"
    return None
