"""Who a booking is for."""

from __future__ import annotations

from datetime import datetime

from core.domain.commands import Actor, ActorKind, PersonById, PersonByPhone
from core.domain.events import UserCreated
from core.domain.ids import Ids
from core.domain.refusals import Refusal, Refused
from core.domain.state import State
from core.domain.values import User


def resolve_person(
    state: State, person: PersonById | PersonByPhone, actor: Actor, now: datetime, ids: Ids
) -> tuple[User, tuple[UserCreated, ...]]:
    """The user meant, made if a phone number is new.

    Users book for themselves only, anonymous callers and agents never for privileged people. They learn nothing of
    other accounts: an unknown, a closed and a privileged one are refused alike.
    """
    if isinstance(person, PersonById):
        user = state.users.get(person.user_id)
    else:
        user = state.users_by_phone.get(person.phone_key)
        if user is None and actor.kind is not ActorKind.USER:
            if person.phone_key in state.usernames:
                raise Refused(Refusal.PHONE_IN_USE)
            created = _new_user(person, now, ids)
            return created.user, (created,)
    if not _may_book_for(actor, user):
        raise Refused(Refusal.FORBIDDEN)
    if user is None or not user.is_active:
        raise Refused(Refusal.USER_NOT_FOUND)
    return user, ()


def _may_book_for(actor: Actor, user: User | None) -> bool:
    if actor.kind is ActorKind.USER:
        return user is not None and user.id == actor.user_id
    if actor.kind in {ActorKind.ANONYMOUS, ActorKind.AGENT}:
        return user is not None and user.is_active and not user.is_privileged
    return True


def _new_user(person: PersonByPhone, now: datetime, ids: Ids) -> UserCreated:
    user = User(
        id=ids.user(),
        username=person.phone,
        first_name=person.first_name,
        last_name=person.last_name,
        email=person.email,
        phone=person.phone,
        phone_key=person.phone_key,
        gender=person.gender,
        country=person.country,
        is_active=True,
        is_staff=False,
        is_superuser=False,
        is_practitioner=False,
        date_joined=now,
    )
    return UserCreated(user, person.country_code, person.language)
