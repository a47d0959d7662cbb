"""Pictures over the API: photos in, files out with every protection, listings that name them."""

import json
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from node.client import ApiProblem, Client
from node.protocol.crypto import sha256
from node.protocol.limits import PICTURE_INPUT_MAX_BYTES
from node.protocol.market import ListingPictures, Picture, PictureFile
from node.services.publish import Draft
from tests.api.house import Headers, House, serving
from tests.support.homes import town

OCTETS = "application/octet-stream"
WORDS = "하얀 접시에 담긴 김치 <b>\u202e"


def photo(color: str = "red", size: tuple[int, int] = (200, 100)) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, color).save(out, "PNG")
    return out.getvalue()


def sending(house: House, data: bytes, media: str | None = OCTETS) -> Headers:
    headers = [*house.honest(), ("Content-Length", str(len(data)))]
    return headers if media is None else [*headers, ("Content-Type", media)]


def code_of(call: Any) -> str:
    with pytest.raises(ApiProblem) as refused:
        call()
    return refused.value.code


async def test_a_listing_is_made_changed_and_taken_off_with_its_pictures(house: House) -> None:
    def story(client: Client) -> None:
        red, blue = (client.put_picture(photo(color)) for color in ("red", "blue"))
        assert client.put_picture(photo("red")) == red  # the same photo, the same files
        assert (red["large"]["width"], red["large"]["height"]) == (200, 100)
        assert red["large"]["here"] is True
        listing = client.put_listing(
            "goods", "김치", pictures=[{"id": red["large"]["id"], "text": WORDS},
                                       {"id": blue["large"]["id"]}],
        )["id"]  # fmt: skip
        shown = client.listing(listing)["pictures"]
        assert [one["text"] for one in shown] == ["하얀 접시에 담긴 김치 <b>", "김치"]
        assert [one["large"] for one in shown] == [red["large"], blue["large"]]
        assert [one["small"] for one in shown] == [red["small"], blue["small"]]
        assert next(client.listings())["pictures"] == shown
        data = client.picture(red["large"]["id"])
        assert data is not None
        assert sha256(data).hex() == red["large"]["id"]
        # Words alone keep them; one that stays needs no new photo; others go.
        client.change_listing(listing, title="배추김치")
        assert client.listing(listing)["pictures"] == shown
        client.change_listing(listing, pictures=[{"id": blue["large"]["id"], "text": "파랑"}])
        shown = client.listing(listing)["pictures"]
        assert [(one["text"], one["large"]["id"]) for one in shown] == [
            ("파랑", blue["large"]["id"])
        ]
        client.change_listing(listing, title="무김치", pictures=[])
        assert client.listing(listing)["pictures"] == []
        assert client.listing(listing)["title"] == "무김치"
        held = client.pictures_held()
        assert held["others"] == {"count": 0, "bytes": 0}
        client.change_listing(
            listing, pictures=[{"id": client.put_picture(photo())["large"]["id"]}]
        )
        client.close_listing(listing, erase=True)
        assert code_of(lambda: client.picture(red["large"]["id"])) == "picture-unknown"

    await house.do(story)


async def test_files_go_out_with_every_protection_and_may_be_kept_for_a_day(house: House) -> None:
    made = await house.do(lambda client: client.put_picture(photo()))
    path = made["large"]["url"]
    answer = await house.ask("GET", path)
    assert answer.status == 200
    assert sha256(answer.body).hex() == made["large"]["id"]
    expected = {
        "content-type": "image/webp",
        "x-content-type-options": "nosniff",
        "content-disposition": "inline",
        "etag": f'"{made["large"]["id"]}"',
        "cache-control": "private, max-age=86400, immutable",
        "cross-origin-resource-policy": "same-origin",
    }
    assert {name: answer.headers[name] for name in expected} == expected
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    mark = [*house.honest(), ("If-None-Match", expected["etag"])]
    again = await house.ask("GET", path, mark)
    assert (again.status, again.body) == (304, b"")
    assert (await house.ask("GET", path, [("Host", f"127.0.0.1:{house.port}")])).status == 401


async def test_who_may_only_read_sends_no_photos_and_sets_no_bounds(house: House) -> None:
    def story(client: Client) -> None:
        made = client.put_picture(photo())
        token = client.post("/tokens", {"name": "r", "scopes": ["read"]})["token"]
        reading = house.client(token=token)
        assert reading.picture(made["small"]["id"])
        assert code_of(lambda: reading.put_picture(photo())) == "scope-missing"
        assert code_of(lambda: reading.bound_pictures(room=1)) == "scope-missing"

    await house.do(story)


async def test_photos_that_are_none_are_refused_with_a_sentence(house: House) -> None:
    for data, media, status, code in (
        (b"GIF89a", OCTETS, 422, "picture-format"),
        (b"", OCTETS, 422, "picture-format"),
        (photo()[:60], OCTETS, 422, "picture-format"),
        (photo(), "image/png", 415, "media-type"),
        (photo(), "application/json", 415, "media-type"),
        (photo(), "multipart/form-data; boundary=x", 415, "media-type"),
        (photo(), None, 415, "media-type"),
    ):
        answer = await house.ask("POST", "/v1/pictures", sending(house, data, media), data)
        assert (answer.status, answer.json["code"]) == (status, code), (media, answer.body)
        assert answer.json["detail"]
    too_long = [*house.honest(), ("Content-Type", OCTETS),
                ("Content-Length", str(PICTURE_INPUT_MAX_BYTES + 1))]  # fmt: skip
    answer = await house.ask("POST", "/v1/pictures", too_long)
    assert (answer.status, answer.json["code"]) == (413, "request-too-large")
    foreign = [*sending(house, photo()), ("Origin", "https://elsewhere.example")]
    assert (await house.ask("POST", "/v1/pictures", foreign, photo())).status == 403


async def test_listings_with_pictures_that_are_none_are_refused_and_nothing_is_made(
    house: House,
) -> None:
    made = (await house.do(lambda client: client.put_picture(photo())))["large"]["id"]
    unknown = "ab" * 32
    for pictures, code in (
        ([{"id": unknown}], "picture-unknown"),
        ([{"id": made}, {"id": made}], "picture-twice"),
        ([{"id": made}] * 5, "request-invalid"),
        ([{"id": made, "text": "가" * 201}], "request-invalid"),
        ([{"id": "x"}], "request-invalid"),
        ([{"id": made, "size": 1}], "request-invalid"),
        (None, "request-invalid"),
    ):
        data = json.dumps({"kind": "goods", "title": "x", "pictures": pictures}).encode()
        answer = await house.ask("POST", "/v1/listings", None, data)
        assert answer.json["code"] == code, pictures
    assert (await house.ask("GET", "/v1/listings")).json["items"] == []


async def test_bounds_are_kept_and_a_smaller_room_takes_effect(house: House) -> None:
    def story(client: Client) -> None:
        assert client.bound_pictures(room=5)["room"] == 5
        held = client.bound_pictures(ahead=0)
        assert (held["room"], held["ahead"]) == (5, 0)
        assert client.pictures_held() == held
        used = client.status()["disk"]["used_bytes"]
        client.put_picture(photo(size=(640, 480)))
        assert client.pictures_held()["own"]["count"] == 2
        assert client.status()["disk"]["used_bytes"] > used  # counted

    await house.do(story)
    assert (await house.ask("PUT", "/v1/pictures", None, b'{"room": -1}')).status == 422


async def test_a_picture_that_is_not_here_says_so_in_the_members_language(tmp_path: Any) -> None:
    """Known from a listing of a neighbour; there is no network to fetch it over."""
    amina, baraka = await town(tmp_path, "amina", "baraka")
    files = [PictureFile(bytes([n]) * 32, "image/webp", 100, 8, 6) for n in (1, 2)]
    put = {"kind": "goods", "title": "빵"}
    async with serving(amina.core) as house:
        listing = (await house.do(lambda client: client.put_listing(**put)))["id"]
    body = ListingPictures(bytes.fromhex(listing), [Picture("빵", *files)], bytes(16))
    await amina.publisher.publish(Draft("listing.pictures", body))
    await amina.hand_to(baraka)
    async with serving(baraka.core) as house:
        shown = (await house.ask("GET", f"/v1/listings/{listing}")).json["pictures"]
        assert [(one["text"], one["large"]["here"]) for one in shown] == [("빵", False)]
        asked = [*house.honest(), ("Accept-Language", "ko")]
        answer = await house.ask("GET", shown[0]["large"]["url"], asked)
        assert (answer.status, answer.json["state"]) == (202, "alone")
        assert answer.json["text"] == "사진이 아직 여기 없어요. 이웃과 이어지면 와요."
        assert await house.do(lambda client: client.picture(shown[0]["small"]["id"])) is None
        assert (await house.ask("GET", f"/v1/pictures/{'00' * 32}")).status == 404
    for person in (amina, baraka):
        person.close()
