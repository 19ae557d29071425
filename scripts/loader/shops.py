"""UCI Online Retail (I and II) and Diginetica."""
import csv

from loader.log import find, need, number, table, when
from loader.workbook import excel_date, workbook


def online_retail(source, log, _):
    """Text or workbook. Rows without a customer and cancellations are not events."""
    path = need(source, "online_retail.tsv", "online_retail.csv", "OnlineRetail.csv",
                "Online Retail.xlsx", "online_retail_II.csv", "online_retail_II.xlsx")
    if path.suffix == ".xlsx":
        rows = workbook(path)
    else:
        tabs = ".tsv" in path.suffixes
        rows = table(path, log.progress, delimiter="\t" if tabs else ",",
                     quoting=csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL)

    def line(row):
        # The second edition's names of the same columns.
        customer = row["CustomerID"] if "CustomerID" in row else row["Customer ID"]
        invoice = row["InvoiceNo"] if "InvoiceNo" in row else row["Invoice"]
        # Elsewhere the description is often a stock-keeper's remark ("damaged", "?").
        if not customer or invoice.startswith("C"):
            return
        item = row["StockCode"]
        log.event(customer.removesuffix(".0"), "purchase", item, invoice_time(row["InvoiceDate"]),
                  value=number(row["Quantity"]))
        if item not in log.items:
            log.item(item, title=row["Description"].strip())

    log.rows(path, rows, line)


def invoice_time(text):
    if "-" not in text and "/" not in text:
        text = excel_date(text)
    return when(text, "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S")


def diginetica(source, log, _):
    """Views of products, as published (train-item-views.csv) or in order alone (events.tsv)."""
    path = need(source, "train-item-views.csv", "events.tsv")
    rows = table(path, log.progress)

    def viewed(row):
        if "eventdate" not in row:
            log.ordered_event(row["session"], "click", row["item"])
            return
        # A session's clock starts at 0; all that is known of its place in the day is the day.
        log.event(row["sessionId"], "click", row["itemId"],
                  when(row["eventdate"], "%Y-%m-%d") + int(row["timeframe"]))

    log.rows(path, rows, viewed)
    categories = find(path.parent, "product-categories.csv")
    if categories:
        log.rows(categories, table(categories, log.progress),
                 lambda row: log.item(row["itemId"], categories=[row["categoryId"]]))


SETS = {"online-retail": online_retail, "diginetica": diginetica}
