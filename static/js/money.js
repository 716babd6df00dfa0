// Money in minor units, written the reader's way.

/** "₹2,500.00" for (250000, "INR"); the currency knows how many minor units make one. */
export function money(minor, currency) {
  const format = new Intl.NumberFormat("en-GB", { style: "currency", currency, currencyDisplay: "narrowSymbol" });
  return format.format(minor / 10 ** format.resolvedOptions().maximumFractionDigits);
}
