package udp

// sysSendmmsg is the number of sendmmsg(2), which package syscall lacks on this machine type.
const sysSendmmsg = 307
