import { problemsOfTarball } from './tarball.mjs';

/**
 * What a release is made of.
 *
 * @typedef {object} Release
 * @property {{
 *   name: string, version: string, license?: string, repository?: string | { url?: string }, homepage?: string,
 *   bugs?: string | { url?: string }, private?: boolean, publishConfig?: { access?: string, provenance?: boolean },
 * }} pkg package.json
 * @property {{ version: string }} lock package-lock.json
 * @property {string} changelog
 * @property {string} today `2026-11-28`
 * @property {string} npmVersion
 * @property {readonly string[]} changes what `git status --porcelain` prints
 * @property {string} branch
 * @property {readonly string[]} tags
 * @property {string} [remote] the URL of `origin`
 * @property {readonly string[]} files what the tarball holds
 */

/**
 * What keeps a release from being published: each with the value and the remedy; empty where nothing does.
 *
 * @param {Release} release
 * @returns {string[]}
 */
export function problemsOf(release) {
  return [
    ...problemsOfVersion(release),
    ...problemsOfChangelog(release),
    ...problemsOfTree(release),
    ...problemsOfPlace(release),
    ...problemsOfProvenance(release),
    ...problemsOfTarball(release.files),
  ];
}

/** @param {Release} release */
function* problemsOfVersion({ pkg: { version, private: isPrivate, license }, lock, tags }) {
  // https://semver.org, without build metadata, which npm drops.
  if (!/^\d+\.\d+\.\d+(-[\da-z-]+(\.[\da-z-]+)*)?$/i.test(version)) {
    yield `version "${version}" of package.json is not a semantic version; write 1.2.3 or 1.2.3-beta.1`;
  }
  if (lock.version !== version) {
    yield `package-lock.json has version ${lock.version}, package.json ${version}; run npm install`;
  }
  if (tags.includes(`v${version}`))
    yield `the tag v${version} exists; raise the version (npm version --no-git-tag-version)`;
  if (isPrivate) yield 'package.json is private; remove "private"';
  if (license !== 'MIT') yield `license of package.json is ${license}, the file LICENSE is MIT; make them agree`;
}

/** @param {Release} release */
function* problemsOfChangelog({ pkg: { version }, changelog, today }) {
  const sections = changelog.split(/^## /m).slice(1);
  const section = sections.find((text) => text.startsWith(`[${version}]`) || text.startsWith(`${version} `));
  if (section === undefined) {
    yield `CHANGELOG.md has no section for ${version}; write "## ${version} - ${today}" above what changed`;
    return;
  }
  const [title = '', ...lines] = section.split('\n');
  const date = /\d{4}-\d\d-\d\d$/.exec(title)?.[0];
  if (date === undefined) yield `"${title}" of CHANGELOG.md has no date; write "${version} - ${today}"`;
  else if (date > today) yield `"${title}" of CHANGELOG.md lies in the future; today is ${today}`;
  if (!lines.some((line) => /^- /.test(line))) yield `"${title}" of CHANGELOG.md lists no change`;
  const unreleased = sections.find((text) => /^\[?unreleased/i.test(text));
  if (unreleased && /^- /m.test(unreleased)) {
    yield `CHANGELOG.md has changes under "Unreleased"; move them to ${version}, or leave them out of this release`;
  }
}

/** @param {Release} release */
function* problemsOfTree({ changes, branch }) {
  if (changes.length > 0)
    yield `${changes.length} files differ from the last commit (${changes[0]?.trim()}, ...); commit them`;
  if (branch !== 'main') yield `the branch is ${branch}; release from main`;
}

/** @param {Release} release */
function* problemsOfPlace({ pkg: { repository, bugs, homepage }, remote }) {
  const url = urlOf(repository);
  if (url === undefined) {
    yield 'repository is missing in package.json; write { "type": "git", "url": "git+https://github.com/OWNER/NAME.git" }';
  } else if (remote === undefined) {
    yield `no remote "origin" to compare repository ${url} with; add it (git remote add origin ...)`;
  } else if (placeOf(url) !== placeOf(remote)) {
    yield `repository is ${url}, the remote "origin" is ${placeOf(remote)}; provenance needs the same`;
  }
  if (urlOf(bugs) === undefined) yield 'bugs is missing in package.json; write { "url": "https://.../issues" }';
  if (homepage === undefined) yield 'homepage is missing in package.json; write where the documentation is served';
}

// https://docs.npmjs.com/generating-provenance-statements#prerequisites
/** @param {Release} release */
function* problemsOfProvenance({ pkg: { publishConfig }, npmVersion }) {
  if (publishConfig?.provenance !== true || publishConfig.access !== 'public') {
    yield 'publishConfig lacks provenance; write { "access": "public", "provenance": true }';
  }
  const [major = 0, minor = 0] = npmVersion.split('.').map(Number);
  if (major < 9 || (major === 9 && minor < 5)) yield `npm ${npmVersion} cannot state provenance; use 9.5 or newer`;
}

/** @param {string | { url?: string } | undefined} field */
const urlOf = (field) => (typeof field === 'string' ? field : field?.url);

/** `github.com/owner/name` of an HTTPS or SSH URL; without credentials that a remote may hold. @param {string} url */
const placeOf = (url) =>
  url
    .replace(/^(git\+)?\w+:\/\//, '')
    .replace(/^[^@/]*@/, '')
    .replace(/^([^/:]+):(?!\d)/, '$1/')
    .replace(/(\.git)?\/?$/, '')
    .toLowerCase();
