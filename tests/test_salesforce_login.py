"""Logging in to Salesforce: one token for all, no loop, and no secret anywhere."""

import base64
import logging
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, quote

import jwt
import pytest
import responses
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from connectors.errors import (
    AuthenticationFailed,
    ConnectorError,
    ForeignAddress,
    LogInRefused,
    MissingSetting,
    RetiredLogin,
    SettingRejected,
    Unreachable,
)
from connectors.salesforce import open_salesforce
from connectors.token_file import TokenFile
from tests.worlds.salesforce import Answer, Call, error
from tests.worlds.small_org import (
    CLIENT,
    SECRET,
    Company,
    always,
    connected,
    once,
    opened,
    pages,
    rows,
)

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
).decode()
REFRESH = {
    "auth": "refresh_token",
    "client_id": "client",
    "refresh_token": "first-canary",
}
JWT = {"auth": "jwt", "client_id": "client", "username": "it@example.jp", "key": PEM}
REFUSED = Answer(
    400, {"error": "invalid_grant", "error_description": f"no: {SECRET} {SECRET[:9]}"}
)


@pytest.fixture
def org() -> Company:
    org = Company()
    org.accounts(1)
    return org


def logins(org: Company) -> list[Call]:
    return org.sent("/oauth2/token")


@pytest.mark.parametrize("settings", [CLIENT, REFRESH, JWT])
def test_every_way_to_log_in_leads_to_the_org(
    org: Company, settings: dict[str, object]
) -> None:
    with connected(org, **settings) as crm:
        assert rows(crm, "Account", "Name")
    (login,) = logins(org)
    assert login.body["grant_type"]
    assert "authorization" not in login.headers


def test_a_signed_login_says_who_for_whom_and_for_how_long(org: Company) -> None:
    with connected(org, **JWT) as crm:
        rows(crm, "Account", "Name")
        address = crm.org.base_url
    (login,) = logins(org)
    claims = jwt.decode(
        login.body["assertion"], KEY.public_key(), ["RS256"], audience=address
    )
    assert (claims["iss"], claims["sub"]) == ("client", "it@example.jp")


def test_a_signed_login_takes_the_servers_time_if_ours_is_wrong(
    org: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(call: Call) -> Answer | None:
        if "/token" not in call.path:
            return None
        told = jwt.decode(call.body["assertion"], options={"verify_signature": False})
        ahead = told["exp"] - org.now.timestamp()
        return None if 0 < ahead <= 300 else Answer(400, {"error": "invalid_grant"})

    org.faults.append(judge)
    for years in (-1, 1):
        org.now += timedelta(days=365 * years)
        with connected(org, **JWT) as crm:
            assert rows(crm, "Account", "Name")
    assert len(logins(org)) <= 4


def test_a_key_that_is_none_is_named(org: Company) -> None:
    with connected(org, **{**JWT, "key": SECRET}) as crm:
        with pytest.raises(SettingRejected) as caught:
            crm.identify()
        assert caught.value.params["setting"] == "key"
        assert SECRET not in str(caught.value)


@responses.activate
@pytest.mark.parametrize(
    ("host", "server"),
    [
        ("example.my.salesforce.com", "https://login.salesforce.com"),
        ("example--uat.sandbox.my.salesforce.com", "https://test.salesforce.com"),
    ],
)
def test_production_and_sandboxes_log_in_at_their_own_servers(
    org: Company, host: str, server: str
) -> None:
    url = f"{server}/services/oauth2/token"
    responses.add(responses.POST, url, json={"error": "invalid_grant"}, status=400)
    with pytest.raises(LogInRefused):
        opened(f"https://{host}", org, **JWT).identify()
    (call,) = responses.calls
    (assertion,) = parse_qs(str(call.request.body))["assertion"]
    # Refused unless it is signed by our key and made for this server.
    jwt.decode(assertion, KEY.public_key(), algorithms=["RS256"], audience=server)


@pytest.mark.parametrize(("every", "times"), [(2, 1), (9, 1), (2, 3), (3, 3), (5, 3)])
def test_an_expired_session_is_renewed_once_for_all_threads(
    org: Company, every: int, times: int
) -> None:
    org.page = 10
    org.accounts(200)
    org.tokens = [f"token-{n}" for n in range(100)]
    counts = iter(range(1, 1000))
    expired: list[str] = []

    def expire(call: Call) -> Answer | None:
        if "/token" in call.path or next(counts) % every:
            return None
        expired.append(org.token)
        org.token = f"expired-{len(expired)}"
        return None

    with connected(org, **CLIENT) as crm:
        crm.describe("Account")
        org.faults.append(lambda call: expire(call) if len(expired) < times else None)
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _n: rows(crm, "Account", "Name"), range(8)))
    assert [len(one) for one in found] == [201] * 8
    assert len(expired) == times
    # A session that expires again before anybody noticed costs no log-in of its own.
    assert 2 <= len(logins(org)) <= 1 + times


@pytest.mark.parametrize(
    "body", ["", "<html/>", '{"error": "x"}', "[]", '[{"errorCode": "X"}]']
)
def test_a_401_of_any_shape_leads_to_one_new_login(org: Company, body: str) -> None:
    with connected(org, **CLIENT) as crm:
        org.faults.append(once(Answer(401, body), "describe"))
        assert crm.describe("Account").fields
    assert len(logins(org)) == 2


def test_a_session_that_stays_refused_ends_the_run(org: Company) -> None:
    with connected(org, **CLIENT) as crm:
        refused = error(401, "INVALID_SESSION_ID", "expired")
        org.faults.append(lambda call: refused if "data" in call.path else None)
        with pytest.raises(AuthenticationFailed):
            rows(crm, "Account", "Name")
    assert len(logins(org)) == 3
    assert len(org.calls) == 6


def test_a_fixed_token_that_has_run_out_is_not_renewed(org: Company) -> None:
    with connected(org) as crm:
        org.token = "another"
        for _ in range(3):
            with pytest.raises(SettingRejected) as caught:
                rows(crm, "Account", "Name")
            assert caught.value.params["setting"] == "token"
    assert len(org.calls) == 1


def ended(
    org: Company, settings: Mapping[str, object], answer: Answer
) -> ConnectorError:
    """Return the error that four threads and one more end with."""
    org.faults.append(lambda _call: answer)
    with connected(org, **settings) as crm:
        threads = [
            threading.Thread(target=_ends_in, args=(crm.identify,)) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with pytest.raises(ConnectorError) as caught:
            crm.identify()
    assert len(org.calls) <= 2
    assert SECRET not in repr(caught.value.params)
    return caught.value


@pytest.mark.parametrize(
    ("settings", "code", "setting"),
    [
        (CLIENT, "invalid_client_id", "client_id"),
        (CLIENT, "invalid_client", "client_secret"),
        (JWT, "invalid_client", "client_id"),
        (REFRESH, "invalid_client_id", "client_id"),
    ],
)
def test_a_rejected_grant_names_the_setting_that_the_error_is_about(
    org: Company, settings: dict[str, object], code: str, setting: str
) -> None:
    said = {"error": code, "error_description": "client identifier invalid"}
    error = ended(org, settings, Answer(400, said))
    assert isinstance(error, SettingRejected)
    assert error.params["setting"] == setting
    assert error.params["detail"] == f"{code}: client identifier invalid"


@pytest.mark.parametrize("settings", [CLIENT, JWT, REFRESH])
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("invalid_grant", "no client credentials user enabled"),
        ("invalid_request", "request not supported on this domain"),
        ("invalid_grant", "ip restricted"),
        ("invalid_app_access", "user is not admin approved to access this app"),
        ("invalid_grant", "expired access/refresh token"),
        ("inactive_user", "user is inactive"),
    ],
)
def test_any_other_refusal_is_told_in_the_orgs_own_words(
    org: Company, settings: dict[str, object], code: str, reason: str
) -> None:
    answer = Answer(400, {"error": code, "error_description": reason})
    error = ended(org, settings, answer)
    assert (error.code, error.exit_code) == ("log_in_refused", 4)
    assert error.params["detail"] == f"{code}: {reason}"
    assert "setting" not in error.params


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (f"no: {SECRET} {SECRET[:9]} x{SECRET[4:]}y", "invalid_grant: no: *** *** ***"),
        ("bad\nassertion", "invalid_grant: bad assertion"),
        ("", "invalid_grant"),
        (None, "invalid_grant"),
        (["a"], "invalid_grant: ['a']"),
    ],
)
def test_the_orgs_words_come_without_what_we_sent(
    org: Company, said: object, told: str
) -> None:
    answer = Answer(400, {"error": "invalid_grant", "error_description": said})
    assert ended(org, CLIENT, answer).params["detail"] == told


def test_a_refusal_that_quotes_the_secret_as_its_code_says_nothing(
    org: Company,
) -> None:
    error = ended(org, CLIENT, Answer(200, {"error": SECRET}))
    assert error.params["detail"] == "no reason given"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(400, {"error": "rate_limit_exceeded", "error_description": "too many"}),
        error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    ],
)
def test_too_many_log_ins_may_be_tried_later(org: Company, answer: Answer) -> None:
    refused = ended(org, CLIENT, answer)
    assert (refused.code, refused.exit_code) == ("rate_limited", 7)


@pytest.mark.parametrize("status", [200, 400, 404])
@pytest.mark.parametrize("settings", [CLIENT, JWT, REFRESH])
def test_a_page_that_gives_no_tokens_points_to_the_address(
    org: Company, settings: dict[str, object], status: int
) -> None:
    error = ended(org, settings, Answer(status, "<html><title>Not here</title></html>"))
    assert (error.code, error.exit_code) == ("no_token_address", 4)
    assert error.params["settings"] == "base_url, login_url"
    assert "127.0.0.1" in str(error.params["address"])


def _ends_in(call: object) -> None:
    with pytest.raises(ConnectorError):
        call()  # type: ignore[operator]


@pytest.mark.parametrize("answer", [Answer(503, "<html/>"), Answer(200, "", drop=True)])
def test_a_login_that_is_not_answered_may_be_tried_later(
    org: Company, answer: Answer
) -> None:
    with connected(org, **CLIENT) as crm:
        org.faults.append(lambda call: answer if "/token" in call.path else None)
        with pytest.raises(Unreachable):
            crm.describe("Account")
        assert len(logins(org)) == 3
        org.faults = [once(answer, "/token")]
        assert crm.describe("Account").fields


def test_a_login_is_not_redirected(org: Company) -> None:
    org.faults.append(once(Answer(302, "", {"Location": "https://evil/"}), "/token"))
    with connected(org, **CLIENT) as crm, pytest.raises(ForeignAddress):
        crm.identify()


# Rotation


def test_a_rotated_token_is_on_disk_before_it_is_used(
    org: Company, tmp_path: Path
) -> None:
    kept = TokenFile(folder=tmp_path, source="salesforce")
    seen: list[str | None] = []
    org.faults.append(
        lambda call: seen.append(kept.read()) if "data" in call.path else None
    )
    reply = {"access_token": org.token, "refresh_token": "rotated-canary"}
    org.faults.append(once(Answer(200, reply), "/token"))
    with connected(org, **REFRESH, token_folder=tmp_path) as crm:
        crm.describe("Account")
    assert seen == ["rotated-canary"]
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o077 == 0


def test_the_next_start_uses_the_kept_token(org: Company, tmp_path: Path) -> None:
    TokenFile(folder=tmp_path, source="salesforce").save("kept-canary")
    with connected(org, **REFRESH, token_folder=tmp_path) as crm:
        crm.identify()
    assert [call.body["refresh_token"] for call in logins(org)] == ["kept-canary"]


def test_a_token_that_another_process_rotated_is_used(
    org: Company, tmp_path: Path
) -> None:
    valid = ["first-canary"]

    def rotate(call: Call) -> Answer | None:
        if "/token" not in call.path:
            return None
        if call.body["refresh_token"] != valid[-1]:
            return REFUSED
        valid.append(f"rotated-{len(valid)}")
        org.token = f"access-{len(valid)}"
        reply = {"access_token": org.token, "refresh_token": valid[-1]}
        return Answer(200, reply)

    org.faults.append(rotate)
    with (
        connected(org, **REFRESH, token_folder=tmp_path) as one,
        connected(org, **REFRESH, token_folder=tmp_path) as other,
    ):
        for crm in (one, other, one, other):
            assert rows(crm, "Account", "Name")
            org.token = "ended"
    assert len(logins(org)) == len(valid) - 1


def test_a_new_login_of_a_person_wins_over_an_old_kept_token(
    org: Company, tmp_path: Path
) -> None:
    TokenFile(folder=tmp_path, source="salesforce").save("old-canary")
    org.faults.append(once(REFUSED, "/token"))
    with connected(org, **REFRESH, token_folder=tmp_path) as crm:
        crm.identify()
    tokens = [call.body["refresh_token"] for call in logins(org)]
    assert tokens == ["old-canary", "first-canary"]


def test_a_crash_between_rotation_and_keeping_ends_in_one_clear_message(
    org: Company, tmp_path: Path
) -> None:
    """The org has rotated, we have not kept: the old token is worth nothing now."""
    TokenFile(folder=tmp_path, source="salesforce").save("old-canary")
    org.faults.append(lambda call: REFUSED if "/token" in call.path else None)
    with connected(org, **REFRESH, token_folder=tmp_path) as crm:
        for _ in range(3):
            with pytest.raises(LogInRefused) as caught:
                crm.identify()
            assert "invalid_grant" in str(caught.value)
    assert len(logins(org)) == 2


def test_a_rotated_token_that_cannot_be_kept_is_not_used(org: Company) -> None:
    reply = {"access_token": org.token, "refresh_token": "rotated-canary"}
    org.faults.append(lambda call: Answer(200, reply) if "oken" in call.path else None)
    with connected(org, **REFRESH) as crm, pytest.raises(SettingRejected):
        crm.identify()
    assert not org.sent("/data")


# Settings


@pytest.mark.parametrize("auth", ["password", "soap"])
def test_the_old_login_is_refused_with_the_date_it_ends(
    org: Company, auth: str
) -> None:
    with pytest.raises(RetiredLogin) as caught:
        opened("https://example.my.salesforce.com", org, auth=auth)
    assert "Summer '27" in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ({"base_url": ""}, "base_url"),
        ({"token": ""}, "token"),
        ({"auth": "jwt"}, "client_id"),
        ({"auth": "client_credentials", "client_id": "c"}, "client_secret"),
        ({"auth": "magic"}, "auth"),
    ],
)
def test_a_missing_setting_is_named(settings: dict[str, object], missing: str) -> None:
    given = {"base_url": "https://x.my.salesforce.com", "auth": "access_token"}
    with pytest.raises(MissingSetting) as caught:
        open_salesforce({**given, **settings})
    assert caught.value.params["setting"] == missing


def test_plain_http_goes_to_this_machine_only(org: Company) -> None:
    with pytest.raises(ForeignAddress):
        opened("http://example.my.salesforce.com", org)
    with pytest.raises(ForeignAddress):
        opened("https://a.my.salesforce.com", org, login_url="http://evil.example")


def test_opening_an_org_makes_no_call(org: Company) -> None:
    with connected(org, **CLIENT) as crm:
        assert crm.calls == 0
    assert not org.calls


def test_no_secret_reaches_a_log_an_error_or_a_result(
    org: Company, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = "canary/token+4711="
    org.token = token
    encoded = base64.b64encode(token.encode()).decode()
    echo = f"denied: {token} {quote(token, safe='')} {SECRET} {encoded}"
    said: list[str] = []
    with connected(org, **CLIENT) as crm:
        crm.identify()
        for status in (400, 403, 404, 500):
            org.faults = [always(error(status, "SOME_CODE", echo))]
            for call in (
                lambda: rows(crm, "Account", "Name"),
                lambda: crm.read("Account", ["001a"], ["Name"]),
                lambda: list(crm.identifiers("Account")),
            ):
                with pytest.raises(ConnectorError) as caught:
                    call()
                said += [str(caught.value), repr(caught.value.__context__)]
            said += [repr(crm.write(org.moves(["001a"])))]
        org.faults = []
        org.refuse = lambda _kind, _record: "X"
        said += [repr(crm.org.__dict__.get("_connection")), repr(pages)]
    written = "\n".join([*said, caplog.text])
    for secret in (token, quote(token, safe=""), SECRET):
        assert secret not in written
        assert base64.b64encode(secret.encode()).decode() not in written


@pytest.mark.parametrize("token", ["t", "an", "Account"])
def test_a_short_token_makes_no_riddle_of_a_message(org: Company, token: str) -> None:
    org.token = token
    said = f"Unable to create fields at the Account: {token} and tan"
    with connected(org, **CLIENT) as crm:
        crm.identify()
        org.faults = [always(error(400, "SOME_CODE", said))]
        with pytest.raises(ConnectorError) as caught:
            rows(crm, "Account", "Name")
    shown = str(caught.value.params["detail"])
    assert shown.count("Unable to create fields at the ") == 1
    assert shown.endswith("*** and tan")


def test_the_org_is_told_who_calls(org: Company) -> None:
    with connected(org, **CLIENT) as crm:
        rows(crm, "Account", "Name")
    names = {call.headers["user-agent"] for call in org.calls}
    assert len(names) == 1
    assert names.pop().startswith("handover/")
