"""HubSpot, through its object, association and owner APIs.

``portal.py`` makes calls, ``reading.py`` and ``links.py`` bring records. ``sending.py``
gets a batch through, ``writing.py`` sets fields, ``creating.py`` and ``linking.py``
make our tasks, ``finding.py`` finds them again; ``crm.py`` is the connector of these.
"""

from collections.abc import Mapping

from connectors.base import Connector
from connectors.hubspot.effects import side_effects

__all__ = ["open_hubspot", "side_effects"]


def open_hubspot(settings: Mapping[str, object]) -> Connector:
    """Open a portal.

    Args:
        settings: ``base_url``; either ``token``, or ``client_id``, ``client_secret``
            and ``refresh_token``; optionally ``portal_id``, ``rate`` (``burst`` calls
            per ten seconds, ``search`` calls per second), ``task_key``, ``proxy``,
            ``ca_file``, ``token_folder`` (where a replaced refresh token is kept).
    """
    from connectors.hubspot.crm import open_portal  # noqa: PLC0415 - a heavy SDK

    return open_portal(settings)
