"""One customer of the sample company after the other, with all that is known of it."""

from collections.abc import Sequence

from handover.demo.book import DOMAIN, MOBILE, Book, Customer, Row, yes

YEAR = 365
NEW = 30
"""Days within which nobody expects that the customer was talked to."""

CLASSES = ((0.09, "重要顧客"), (0.24, "重点顧客"), (0.97, "一般"), (1.0, ""))
"""Upper ends of the shares of the classes."""


def add_customer(
    book: Book, owner: str, name: str, latin: str, trade: Sequence[str]
) -> None:
    """Add an account of a salesperson and everything that hangs on it."""
    customer = _account(book, owner, name, latin, trade)
    contacts = _contacts(book, customer)
    _purchases(book, customer)
    _open_business(book, customer)
    if customer.age >= NEW:
        _talk(book, customer, contacts)
        _plans(book, customer, contacts)
    _requests(book, customer, contacts)


def _account(
    book: Book, owner: str, name: str, latin: str, trade: Sequence[str]
) -> Customer:
    dice, words = book.dice, book.words
    regions = words["areas"][owner]
    region = dice.pick([*regions[:1] * 3, *regions])
    area_code, *cities = words["regions"][region]
    city, share = dice.pick(cities), dice.between(0, 99) / 100
    is_new = dice.chance(0.03)
    customer = Customer(
        id=book.next_id("accounts", "A", 3),
        owner=owner,
        latin=latin,
        area_code=area_code,
        care=words["care"][owner],
        age=dice.between(6, NEW - 2) if is_new else dice.between(200, 3_000),
    )
    book.add(
        "accounts",
        id=customer.id,
        name=dice.pick(words["company"]["forms"]).format(name=name),
        owner_id=owner,
        owner_since=book.day(-min(customer.age, dice.between(90, 2_600))),
        customer_class=next(word for end, word in CLASSES if share < end),
        business=book.filled(trade[3], customer.care),
        industry=book.maybe(0.7, trade[2]),
        employees=str(dice.between(2, 60) * 5),
        phone=book.maybe(0.8, book.phone(area_code)),
        website=book.maybe(0.8, f"https://www.{latin}.{DOMAIN}"),
        address=f"{city}{dice.between(1, 5)}-{dice.between(1, 20)}",
        city=city,
        region=region,
        project=book.maybe(0.06, dice.pick(words["business"]["projects"])),
        renewal_date=book.maybe(0.2, book.day(dice.between(20, 330))),
        created_at=book.day(-customer.age),
    )
    return customer


def _contacts(book: Book, customer: Customer) -> list[str]:
    """Add the persons of a customer; a few customers have none."""
    dice, words, care = book.dice, book.words["people"], customer.care
    contacts = []
    for _ in range(dice.pick([1, 1, 2, 2, 2, 3, 4]) if dice.chance(0.97) else 0):
        family, family_latin = dice.pick(words["family"])
        given, given_latin = dice.pick(words["given"])
        title, department, decides = dice.pick(words["jobs"])
        mail = f"{given_latin}.{family_latin}@{customer.latin}.{DOMAIN}"
        row = book.add(
            "contacts",
            id=book.next_id("contacts", "C"),
            account_id=customer.id,
            owner_id=customer.owner,
            name=book.filled(f"{family} {given}", care, "person"),
            title=book.filled(title, care),
            department=department,
            is_decision_maker=book.maybe(care, yes(decides)),
            email=book.filled(mail, care, "email"),
            phone=book.filled(book.phone(customer.area_code), care, "phone"),
            mobile=book.maybe(0.4, book.phone(MOBILE)),
            preferred_channel=book.maybe(care * 0.7, dice.pick(words["channels"])),
            email_bounced=yes(dice.chance(0.04)),
            opted_out=yes(dice.chance(0.02)),
            has_left=yes(dice.chance(0.06)),
        )
        contacts.append(row["id"])
    return contacts


def _purchases(book: Book, customer: Customer) -> None:
    """Add what was won and lost, and orders kept outside opportunities."""
    dice, business = book.dice, book.words["business"]
    if customer.age < YEAR:
        return
    for _ in range(dice.pick([0, 1, 1, 2, 2, 3, 5])):
        age = dice.between(10, min(customer.age, 5 * YEAR))
        product, price = dice.pick(business["products"])
        is_won = dice.chance(0.75)
        opportunity = _opportunity(
            book,
            customer,
            product=product,
            amount=str(price * dice.pick([1, 1, 1, 2, 5])),
            stage="受注" if is_won else "失注",
            is_closed="true",
            is_won=yes(is_won),
            close_date=book.day(-age),
            created_at=book.day(-age - dice.between(30, 120)),
            reason=book.filled(dice.pick(business["reasons"]), customer.care - 0.1),
            competitor="" if is_won else dice.pick(business["competitors"]),
        )
        if is_won and dice.chance(0.5):
            _line_items(book, opportunity)
    for _ in range(dice.pick([0, 0, 0, 0, 1, 2])):
        _order(book, customer)


def _line_items(book: Book, opportunity: Row) -> None:
    """Split an opportunity into its product and the work that came with it."""
    whole = int(opportunity["amount"])
    work = whole // 5
    for product, amount in ((opportunity["product"], whole - work), ("導入支援", work)):
        book.add(
            "line_items",
            id=book.next_id("line_items", "L"),
            opportunity_id=opportunity["id"],
            product=product,
            quantity="1",
            amount=str(amount),
            currency="JPY",
            date=opportunity["close_date"],
        )


def _order(book: Book, customer: Customer) -> None:
    dice, business = book.dice, book.words["business"]
    product, price = dice.pick(business["products"])
    quantity = dice.between(1, 6)
    book.add(
        "orders",
        id=book.next_id("orders", "B"),
        account_id=customer.id,
        owner_id=customer.owner,
        product=product,
        quantity=str(quantity),
        amount=str(price * quantity),
        currency="JPY",
        cost=str(price * quantity * 6 // 10),
        date=book.day(-dice.between(20, min(customer.age, 4 * YEAR))),
        reason=book.filled(dice.pick(business["reasons"]), customer.care - 0.2),
    )


def _open_business(book: Book, customer: Customer) -> None:
    dice, business, care = book.dice, book.words["business"], customer.care
    for _ in range(dice.pick([0, 0, 0, 0, 0, 1, 1, 2])):
        product, price = dice.pick(business["products"])
        is_late = dice.chance(0.2)
        close = -dice.between(5, 90) if is_late else dice.between(10, 120)
        _opportunity(
            book,
            customer,
            product=product,
            amount=book.maybe(0.9, str(price)),
            stage=book.filled(dice.pick(business["stages"]), care),
            is_closed="false",
            is_won="false",
            close_date=book.day(close),
            next_step=book.filled(dice.pick(business["steps"]), care),
            next_step_date=book.maybe(0.6, book.day(dice.between(-60, 40))),
            created_at=book.day(-dice.between(91, 180)),
        )


def _opportunity(book: Book, customer: Customer, **cells: str) -> Row:
    return book.add(
        "opportunities",
        id=book.next_id("opportunities", "O"),
        account_id=customer.id,
        owner_id=customer.owner,
        name=f"{cells['product']} {customer.id}",
        currency="JPY",
        **cells,
    )


def _talk(book: Book, customer: Customer, contacts: Sequence[str]) -> None:
    """Add what was said; some customers have not been heard of for long, or ever."""
    dice, words = book.dice, book.words["talk"]
    if dice.chance(0.03):
        return
    is_cold = dice.chance(1.05 - customer.care)
    age = dice.between(190, 420) if is_cold else dice.between(3, 85)
    for _ in range(dice.between(2, 6)):
        _activity(
            book,
            customer,
            contacts,
            kind=dice.pick(["電話", "電話", "訪問", "打合せ", "メール"]),
            is_done="true",
            outcome="不在" if dice.chance(0.08) else "完了",
            happened_at=book.moment(-age),
            text=book.filled(dice.pick(words["done"]), customer.care),
        )
        age += dice.between(5, 60)


def _plans(book: Book, customer: Customer, contacts: Sequence[str]) -> None:
    """Add notes, appointments to come, and promises not kept yet."""
    dice, words = book.dice, book.words["talk"]
    if dice.chance(0.15):
        when = book.moment(-dice.between(1, 60))
        cells = {"is_done": "true", "happened_at": when}
        cells |= {"kind": "メモ", "text": dice.pick(words["notes"])}
        _activity(book, customer, contacts, **cells)
    if dice.chance(0.12):
        cells = {"is_done": "false", "happened_at": book.moment(dice.between(3, 40))}
        _activity(book, customer, contacts, kind=dice.pick(["訪問", "打合せ"]), **cells)
    if dice.chance(0.2):
        cells = {"is_done": "false", "due": book.day(dice.between(-20, 30))}
        cells |= {"kind": "ToDo", "subject": dice.pick(words["promises"])}
        _activity(book, customer, contacts, **cells)


def _activity(
    book: Book, customer: Customer, contacts: Sequence[str], **cells: str
) -> None:
    book.add(
        "activities",
        id=book.next_id("activities", "T", 5),
        owner_id=customer.owner,
        account_id=customer.id,
        contact_id=book.maybe(0.7, book.dice.pick(contacts)) if contacts else "",
        **({"subject": cells["kind"]} | cells),
    )


def _requests(book: Book, customer: Customer, contacts: Sequence[str]) -> None:
    dice = book.dice
    for _ in range(dice.pick([0, 0, 0, 0, 0, 0, 0, 1, 1, 2])):
        is_open = dice.chance(0.5)
        book.add(
            "requests",
            id=book.next_id("requests", "R", 3),
            account_id=customer.id,
            contact_id=dice.pick(contacts) if contacts else "",
            owner_id=customer.owner,
            subject=book.filled(
                dice.pick(book.words["talk"]["requests"]), 0.5 + customer.care / 2
            ),
            status="対応中" if is_open else "完了",
            is_open=yes(is_open),
            opened_at=book.moment(-dice.between(3, 200)),
            due=book.day(dice.between(-10, 45)) if is_open else "",
        )
