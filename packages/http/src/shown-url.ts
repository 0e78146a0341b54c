/** A URL as messages and logs may show it: without credentials, query and fragment, which may hold secrets. */
export const shown = ({ origin, pathname }: URL): string => `${origin}${pathname}`;
