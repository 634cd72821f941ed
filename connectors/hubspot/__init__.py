"""HubSpot, through its object, association and owner APIs.

``crm.py`` is the connector, put together from the other files:

- calls: ``portal.py`` makes them under the portal's limits, ``login.py`` has the token,
  ``wire.py`` speaks HTTP, ``problems.py`` reads the replies that are no success;
- facts: ``objects.py`` has every path, limit and name that no call tells,
  ``catalogue.py`` what a portal has, ``effects.py`` what an owner change sets off;
- reading: ``reading.py`` finds the records, ``rows.py`` makes rows of them with what
  ``links.py`` knows of their associations, ``owners.py`` reads the users;
- writing: ``writing.py`` sets fields, ``tasks.py`` creates our tasks and finds them.
"""

from collections.abc import Mapping

from connectors.base import Connector
from connectors.hubspot.effects import HIDDEN_PLACES, side_effects

__all__ = ["HIDDEN_PLACES", "open_hubspot", "side_effects"]


def open_hubspot(settings: Mapping[str, object]) -> Connector:
    """Open a portal; nothing is sent before the first call.

    Args:
        settings: ``base_url``; either ``token``, or ``client_id``, ``client_secret``
            and ``refresh_token``; optionally ``portal_id``, ``rate`` (``burst`` calls
            per ten seconds, ``search`` calls per second), ``task_key``, ``proxy``,
            ``ca_file``, ``token_folder`` (where a replaced refresh token is kept).
    """
    from connectors.hubspot.crm import open_portal  # noqa: PLC0415 - a heavy SDK

    return open_portal(settings)
