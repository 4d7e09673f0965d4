/** A model repository of the hub at one revision. */
export interface RepositoryReference {
  /** `org/name`. */
  readonly id: string;
  /** A branch, a tag or a commit; `main` where nobody says. */
  readonly revision: string;
}

/** The revision of a reference that names none, as in huggingface_hub (`DEFAULT_REVISION`). */
const DEFAULT_REVISION = 'main';

/** A whole commit hash; a shorter one is a revision like a branch, that the hub resolves. */
const COMMIT = /^[0-9a-f]{40}$/;

/** The longest id that the hub gives out (`REPO_ID_REGEX` of huggingface_hub). */
const MAX_PART_CHARACTERS = 96;

/** Git itself has no limit; file systems allow 255 bytes in the name of a reference's file. */
const MAX_REVISION_CHARACTERS = 200;

/**
 * Reads `org/name` or `org/name@revision`; undefined for text that is neither. What comes out is safe as a part of a
 * path and of an address: no `..`, no empty, hidden or absolute part, no backslash.
 */
export function parseReference(text: string): RepositoryReference | undefined {
  const at = text.indexOf('@');
  const id = at < 0 ? text : text.slice(0, at);
  const revision = at < 0 ? DEFAULT_REVISION : text.slice(at + 1);
  return isRepositoryId(id) && isRevision(revision) ? { id, revision } : undefined;
}

/** Whether a revision is a whole commit hash, which never means anything else later. */
export function isCommit(revision: string): boolean {
  return COMMIT.test(revision);
}

/** The reference as it is written, without the default revision. */
export function describeReference({ id, revision }: RepositoryReference): string {
  return revision === DEFAULT_REVISION ? id : `${id}@${revision}`;
}

/** The rules of `validate_repo_id` in huggingface_hub, for ids with an organisation. */
function isRepositoryId(id: string): boolean {
  const parts = id.split('/');
  if (parts.length !== 2 || id.includes('--') || id.includes('..') || id.endsWith('.git')) return false;
  return parts.every((part) => part.length <= MAX_PART_CHARACTERS && /^\w([\w.-]*\w)?$/.test(part));
}

function isRevision(revision: string): boolean {
  if (revision.length > MAX_REVISION_CHARACTERS || revision.includes('..')) return false;
  return revision.split('/').every((part) => /^[\w+-][\w.+-]*$/.test(part));
}
