"""Which promise is held where: the same tests on files, Salesforce and HubSpot."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.asking import Asking
from tests.conftest import Cli
from tests.corrections import Corrections
from tests.promises import Promises
from tests.worlds import files_folder, hubspot_folder, salesforce_folder
from tests.worlds.hubspot_company import Company as HubSpotCompany
from tests.worlds.hubspot_data import TOKEN
from tests.worlds.salesforce_company import Company as SalesforceCompany
from tests.worlds.world import World


class TestFiles(Promises, Asking, Corrections):
    @pytest.fixture
    def world(
        self,
        folder: Path,
        approved_files: Path,
        cli: Cli,
        monkeypatch: pytest.MonkeyPatch,
    ) -> World:
        files_folder.job_in(folder, approved_files, cli)
        return files_folder.FilesWorld(cli, folder, monkeypatch)


class TestSalesforce(Promises, Asking, Corrections):
    @pytest.fixture
    def world(
        self,
        folder: Path,
        approved_org: tuple[Path, SalesforceCompany],
        cli: Cli,
        monkeypatch: pytest.MonkeyPatch,
    ) -> Iterator[World]:
        for name, value in salesforce_folder.LOGIN.items():
            monkeypatch.setenv(name, value)
        with salesforce_folder.salesforce_world(cli, folder, approved_org) as world:
            yield world


class TestHubSpot(Promises, Asking, Corrections):
    @pytest.fixture
    def world(
        self,
        folder: Path,
        approved_portal: tuple[Path, HubSpotCompany],
        cli: Cli,
        monkeypatch: pytest.MonkeyPatch,
    ) -> Iterator[World]:
        monkeypatch.setenv("HUBSPOT_TOKEN", TOKEN)
        with hubspot_folder.hubspot_world(cli, folder, approved_portal) as world:
            yield world
