"""Salesforce, through its REST, Bulk 2.0 and sObject Collections resources.

``settings.py`` is its configuration, ``login.py`` gets tokens, ``org.py`` makes calls.
``schema.py`` knows what the org shows us; ``queries.py``, ``reading.py`` and
``bulk.py`` bring records, ``writing.py`` changes them, ``lookup.py`` finds what we
made. ``crm.py`` is the connector made of these.
"""

from collections.abc import Mapping

from connectors.base import Connector
from connectors.salesforce.effects import HIDDEN_PLACES, side_effects

__all__ = ["HIDDEN_PLACES", "open_salesforce", "refuse_password", "side_effects"]


def open_salesforce(settings: Mapping[str, object]) -> Connector:
    """Open an org; no call leaves before the connector is used.

    Args:
        settings: the keys of ``[crm.salesforce]``, secrets looked up:
            ``base_url``: the instance (My Domain); plain http to this machine only.
            ``auth``: ``client_credentials`` (``client_id``, ``client_secret``), ``jwt``
            (``client_id``, ``username``, ``key``: the private key in PEM),
            ``refresh_token`` (``client_id``, ``refresh_token``, optionally
            ``client_secret``, and ``token_folder``, where a rotated token is kept) or
            ``access_token`` (``token``).
            ``login_url``: where tokens come from, if not from the instance.
            ``api_version``: ``"64.0"`` by default.
            ``daily_share``: how much of the org's daily calls may be used up before we
            stop (0.8). ``allow_duplicates``: save in spite of alerting duplicate rules.
            ``task_key``: the unique external-id field of activities for our keys.
            ``proxy`` and ``ca_file`` of ``[network]``.

    Raises:
        RetiredLogin: username and password, or SOAP, is asked for.
        AuthenticationFailed: a setting that ``auth`` needs is missing.
        ForeignAddress: an address is neither https nor on this machine.
    """
    from connectors.salesforce.crm import open_org  # noqa: PLC0415 - a heavy SDK

    return open_org(settings)
