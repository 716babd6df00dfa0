// Money in minor units, written the reader's way.

/** Currencies that have other than two digits after the point, as the server counts them. */
const DIGITS = JSON.parse(document.querySelector('meta[name="currency-digits"]').content);

/** "₹2,500.00" for (250000, "INR"). */
export function money(minor, currency) {
  const digits = DIGITS[currency] ?? 2;
  const format = new Intl.NumberFormat("en-GB", {
    style: "currency",
    currency,
    currencyDisplay: "narrowSymbol",
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return format.format(minor / 10 ** digits);
}
