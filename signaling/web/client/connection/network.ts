// Tells when the device changed its network. Browsers say so when they were offline in between, and some name the kind of network (W3C
// Network Information). Its estimates of bandwidth change all the time and are no other network.

interface NetworkInformation extends EventTarget {
  readonly type?: string;
}

// Returns a function that ends it.
export function watchNetwork(changed: () => void): () => void {
  const { connection } = navigator as { connection?: NetworkInformation };
  let type = connection?.type;
  const onChange = (): void => {
    const before = type;
    type = connection?.type;
    if (before !== undefined && type !== before && type !== 'none' && before !== 'none') changed(); // after none the browser is online again
  };
  addEventListener('online', changed);
  connection?.addEventListener?.('change', onChange);
  return () => {
    removeEventListener('online', changed);
    connection?.removeEventListener?.('change', onChange);
  };
}
