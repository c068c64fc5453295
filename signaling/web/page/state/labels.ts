// What hosts call people of whom several have the same name: by the name on file if that differs, else by a number.

export interface Named {
  id: string;
  displayName: string;
  verifiedName?: string | undefined;
}

const same = (name: string): string => name.normalize('NFKC').toLocaleLowerCase();

// In the order in which people came: the numbers follow it.
export function labelsOf(people: readonly Named[]): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  const groups = new Map<string, Named[]>();
  for (const person of people) groups.set(same(person.displayName), [...groups.get(same(person.displayName)) ?? [], person]);
  for (const group of groups.values()) {
    const onFile = new Set(group.map(({ verifiedName }) => same(verifiedName ?? '')));
    const told = onFile.size === group.length && !onFile.has('');
    group.forEach(({ id, displayName, verifiedName }, i) => {
      if (group.length > 1) labels.set(id, told ? `${displayName} (${verifiedName})` : `${displayName} (${i + 1})`);
    });
  }
  return labels;
}
