"""What a message says, in the language of its reader, and where it leads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from photofinish.domain.secret_versions import SecretVersions
from photofinish.domain.subscription import Language, message_id
from photofinish.domain.subscription_link import LinkAction, SubscriptionLink, link_text
from photofinish.ports import Notification, NotificationClaim


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """The texts of one language; `{album}` and `{photos}` are filled in."""

    one_photo: str
    photos: str
    told: str
    confirm: str
    asked: str
    end: str
    """Before the link that ends the subscription."""
    ends_page: str
    ends_button: str
    ended: str
    confirms_page: str
    confirms_button: str
    confirmed: str
    not_there: str


WORDING = {
    Language.ENGLISH: Wording(
        one_photo="A new photo of you in {album}",
        photos="{photos} new photos of you in {album}",
        told="You asked to be told when new photos show you.",
        confirm="Confirm that you want to hear about your photos in {album}",
        asked="This address was given to be told about new photos in {album}. If it was you, confirm it. If not, do "
        "nothing: you get no more messages.",
        end="No more messages:",
        ends_page="Do you want no more messages about photos in {album}?",
        ends_button="No more messages",
        ended="You get no more messages about these photos. What was kept for them is deleted.",
        confirms_page="Do you want messages about new photos of you in {album}?",
        confirms_button="Yes, tell me",
        confirmed="You will be told about new photos in {album}.",
        not_there="This subscription has ended. You get no messages.",
    ),
    Language.GERMAN: Wording(
        one_photo="Ein neues Foto von dir in {album}",
        photos="{photos} neue Fotos von dir in {album}",
        told="Du wolltest erfahren, wenn neue Fotos dich zeigen.",
        confirm="Bestätige, dass du von deinen Fotos in {album} hören willst",
        asked="Diese Adresse wurde angegeben, um von neuen Fotos in {album} zu erfahren. Warst du das, dann bestätige "
        "es. Wenn nicht, musst du nichts tun: Du bekommst keine weiteren Nachrichten.",
        end="Keine Nachrichten mehr:",
        ends_page="Möchtest du keine Nachrichten über Fotos in {album} mehr?",
        ends_button="Keine Nachrichten mehr",
        ended="Du bekommst keine Nachrichten über diese Fotos mehr. Was dafür gespeichert war, ist gelöscht.",
        confirms_page="Möchtest du Nachrichten über neue Fotos von dir in {album}?",
        confirms_button="Ja, sagt es mir",
        confirmed="Du erfährst von neuen Fotos in {album}.",
        not_there="Dieses Abonnement ist beendet. Du bekommst keine Nachrichten.",
    ),
    Language.SPANISH: Wording(
        one_photo="Una foto nueva tuya en {album}",
        photos="{photos} fotos nuevas tuyas en {album}",
        told="Pediste que te avisáramos cuando aparecieras en fotos nuevas.",
        confirm="Confirma que quieres recibir avisos de tus fotos en {album}",
        asked="Se indicó esta dirección para recibir avisos de fotos nuevas en {album}. Si fuiste tú, confírmalo. Si "
        "no, no hagas nada: no recibirás más mensajes.",
        end="No recibir más mensajes:",
        ends_page="¿No quieres recibir más mensajes sobre fotos en {album}?",
        ends_button="No recibir más mensajes",
        ended="Ya no recibirás mensajes sobre estas fotos. Se ha borrado lo que se guardaba para ello.",
        confirms_page="¿Quieres recibir mensajes sobre fotos nuevas tuyas en {album}?",
        confirms_button="Sí, avisadme",
        confirmed="Te avisaremos de las fotos nuevas en {album}.",
        not_there="Esta suscripción ha terminado. No recibirás mensajes.",
    ),
}


def message_of(claim: NotificationClaim, keys: SecretVersions, *, public_url: str, at: datetime) -> Notification:
    """Put the message of a claim into words and links."""
    said, count = WORDING[claim.language], len(claim.photo_ids)
    if claim.asks_to_confirm:
        subject, text = said.confirm, said.asked
        link = link_of(LinkAction.CONFIRM, claim.subscription_id, keys, public_url)
    else:
        subject, text = said.one_photo if count == 1 else said.photos, said.told
        link = f"{public_url}/a/{quote(claim.album, safe='')}"
    return Notification(
        message_id=str(message_id(claim.subscription_id, claim.number)),
        album=claim.album,
        subscription_id=claim.subscription_id,
        language=claim.language,
        subject=subject.format(album=claim.album, photos=count),
        text=text.format(album=claim.album, photos=count),
        link=link,
        end_text=said.end,
        end_link=link_of(LinkAction.END, claim.subscription_id, keys, public_url),
        photo_ids=claim.photo_ids,
        at=at,
        key_id=claim.key_id,
    )


def link_of(action: LinkAction, subscription_id: str, keys: SecretVersions, public_url: str) -> str:
    return f"{public_url}/v1/subscription-links/{link_text(SubscriptionLink(action, subscription_id), keys)}"
