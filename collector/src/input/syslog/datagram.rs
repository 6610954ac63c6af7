//! A datagram socket that is told who sends: the system says it with each message.

use std::io::{self, IoSliceMut};
use std::os::fd::AsRawFd as _;
use std::path::Path;

use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixAddr, UnixCredentials,
    bind as bind_to, recvmsg, setsockopt, socket, sockopt,
};
use tokio::io::Interest;
use tokio::net::UnixDatagram;

use super::stream::Sender;

/// Makes a socket at this path. It asks for senders before it has a name, so that no message comes
/// without.
pub(super) fn bind(path: &Path) -> io::Result<UnixDatagram> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let made = socket(AddressFamily::Unix, SockType::Datagram, flags, None)?;
    setsockopt(&made, sockopt::PassCred, &true)?;
    bind_to(made.as_raw_fd(), &UnixAddr::new(path)?)?;
    UnixDatagram::from_std(made.into())
}

/// The next message, as much of it as fits, and who sent it. A sender that hands over more than
/// bytes is not known: there is no room for what it hands over, nor for who it is.
pub(super) async fn receive(
    socket: &UnixDatagram,
    buffer: &mut [u8],
) -> io::Result<(usize, Sender)> {
    let take = || {
        let mut room = nix::cmsg_space!(UnixCredentials);
        let mut parts = [IoSliceMut::new(buffer)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let message = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut room), flags)?;
        let said = message.cmsgs().into_iter().flatten();
        let sender = said.into_iter().find_map(|said| match said {
            ControlMessageOwned::ScmCredentials(sender) => Some(sender),
            _ => None,
        });
        // A process that this one cannot see has the number 0.
        let local = |sender: UnixCredentials| {
            Sender::local(sender.uid(), Some(sender.pid()).filter(|pid| *pid != 0))
        };
        Ok((message.bytes, sender.map_or_else(Sender::default, local)))
    };
    socket.async_io(Interest::READABLE, take).await
}
