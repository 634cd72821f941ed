"""A CRM that is a folder of files: exports, the demo, tests of the whole chain.

Each file, CSV or XLSX, is an object; its name, or a pattern for several, is the
object's. CSV folders are written to, cell by cell; everything else in a file stays.
"""

from connectors.files.crm import FilesCRM, open_files
from connectors.files.tasks import TASKS_FILE

__all__ = ["TASKS_FILE", "FilesCRM", "open_files"]
