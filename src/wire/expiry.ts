/** When a presigned URL stops working, in epoch ms, if its own parameters say so. */
export function expiryOf(url: string): number | undefined {
  const query = new URL(url.toLowerCase()).searchParams;
  for (const vendor of ['x-tos', 'x-amz']) {
    const signed = basicIsoDate(query.get(`${vendor}-date`));
    const lifetime = wholeSeconds(query.get(`${vendor}-expires`));
    if (signed !== undefined && lifetime !== undefined) return signed + lifetime;
  }
  const expires = wholeSeconds(query.get('expires'));
  // What lies before 2001 is a lifetime, not a time; of what, the URL does not say.
  return expires !== undefined && expires >= 1e12 ? expires : undefined;
}

/** `20260427t111505z` */
function basicIsoDate(text: string | null): number | undefined {
  const iso = text?.replace(/^(\d{4})(\d\d)(\d\dt\d\d)(\d\d)(\d\dz)$/, '$1-$2-$3:$4:$5').toUpperCase();
  const time = Date.parse(iso ?? '');
  return Number.isNaN(time) ? undefined : time;
}

function wholeSeconds(text: string | null): number | undefined {
  return text !== null && /^\d{1,11}$/.test(text) ? Number(text) * 1000 : undefined;
}
