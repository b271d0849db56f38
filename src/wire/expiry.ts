/** When a presigned URL stops working, in epoch ms, if its own parameters say so. */
export function expiryOf(url: string): number | undefined {
  const { searchParams } = new URL(url);
  const query = new Map([...searchParams].map(([name, value]) => [name.toLowerCase(), value]));
  for (const vendor of ['x-tos', 'x-amz']) {
    const signed = basicIsoDate(query.get(`${vendor}-date`));
    const lifetime = wholeSeconds(query.get(`${vendor}-expires`));
    if (signed !== undefined && lifetime !== undefined) return signed + lifetime;
  }
  return wholeSeconds(query.get('expires'));
}

/** `20260427T111505Z` */
function basicIsoDate(text = ''): number | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (!parts) return undefined;
  const [, year, month, day, hour, minute, second] = parts;
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(time) ? undefined : time;
}

function wholeSeconds(text = ''): number | undefined {
  return /^\d{1,11}$/.test(text) ? Number(text) * 1000 : undefined;
}
