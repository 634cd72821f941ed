"""What every CRM has somewhere: doubles, orphans, nobody's customers."""

from handover.demo.book import Book, Row

DOUBLES = (("A010", "A095"), ("A052", "A170"), ("A130", "A131"))
CHILDREN = (("A003", "A021"), ("A003", "A033"), ("A081", "A101"))
UNOWNED = ("A215", "A228")
UNKNOWN_CLASS = ("A064", "A149")
LOST_ACCOUNT = "A999"


def plant_faults(book: Book) -> None:
    """Plant them among the records that are there."""
    accounts = {row["id"]: row for row in book.tables["accounts"]}
    for original, double in DOUBLES:
        accounts[double] |= _same_company(accounts[original])
    for parent, child in CHILDREN:
        accounts[child]["parent_id"] = parent
        persons = [c for c in book.tables["contacts"] if c["account_id"] == parent]
        for person in persons[:1]:
            cells = {"contact_id": person["id"], "account_id": child}
            book.add("contact_links", role="親会社", **cells)
    for account in UNOWNED:
        accounts[account]["owner_id"] = ""
    for account in UNKNOWN_CLASS:
        accounts[account]["customer_class"] = "A"
    _plant_opportunities(book)


def _same_company(account: Row) -> Row:
    """Write a company's name as somebody else would, with the same addresses."""
    plain = account["name"].replace("株式会社", "").replace("有限会社", "")
    same = {name: account[name] for name in ("phone", "website")}
    return {"name": f"㈱{plain}"} | same


def _plant_opportunities(book: Book) -> None:
    """Let some open business hang on no account, or on a colleague who is gone."""
    by_owner: dict[str, list[Row]] = {owner: [] for owner in book.words["areas"]}
    for row in book.tables["opportunities"]:
        if row["is_closed"] == "false":
            by_owner[row["owner_id"]].append(row)
    for owner in ("U03", "U04", "U06"):
        by_owner[owner][0]["account_id"] = ""
    by_owner["U05"][0]["account_id"] = LOST_ACCOUNT
    for owner in ("U04", "U05"):
        by_owner[owner][1]["owner_id"] = book.words["inactive"]
