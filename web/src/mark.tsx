/** The mark of the service: a voice, as bars. */
export function Mark() {
  return (
    <svg width="22" height="22" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="9" fill="currentColor" class="mark" />
      <path d="M9 13v6M14 9v14M19 12v8M24 14.5v3" fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round" />
    </svg>
  );
}
