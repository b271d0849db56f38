/** The prefixes of the parameters that are a date and a lifetime. */
const VENDORS = [
  'x-tos', // https://docs.byteplus.com/en/docs/tos/reference-including-a-signature-in-the-url
  'x-amz', // https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
  'x-goog', // https://cloud.google.com/storage/docs/authentication/canonical-requests
  'x-oss', // https://www.alibabacloud.com/help/en/oss/developer-reference/add-signatures-to-urls
];

/** When a presigned URL stops working, in epoch ms, by its own parameters; undefined where it has none. */
export function expiryOf(url: string): number | undefined {
  const query = new URL(url.toLowerCase()).searchParams;
  for (const vendor of VENDORS) {
    const lifetime = wholeSeconds(query.get(`${vendor}-expires`));
    const end = lifetime && basicIsoDate(query.get(`${vendor}-date`)) + lifetime;
    if (end) return end;
  }
  const end = wholeSeconds(query.get('expires'));
  // What lies before 2001 is a lifetime and not a time, and the URL does not contain its start.
  return end >= 1e12 ? end : undefined;
}

// Both in ms, or NaN.

/** `20260427t111505z` */
function basicIsoDate(text: string | null): number {
  return Date.parse(`${text}`.replace(/^(\d{4})(\d\d)(\d\dt\d\d)(\d\d)(\d\dz)$/, '$1-$2-$3:$4:$5').toUpperCase());
}

function wholeSeconds(text: string | null): number {
  return /^\d{1,11}$/.test(`${text}`) ? Number(text) * 1000 : NaN;
}
