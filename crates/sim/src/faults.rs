//! Faults planted between the machines, one kind per run: each is one that some check must see.
//!
//! A check that never fails proves nothing. So for every check there is a fault that breaks exactly what it watches,
//! and `tests/canary.rs` fails if the check does not see it.

use crate::checks::Check;
use fastrand::Rng;

/// What is broken on purpose.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The backend's news that keys changed are not passed on.
    DropInvalidated,
    /// A frame is lost between two lanes, and nobody is told.
    DropFrame,
    /// A frame arrives twice at the other lane.
    DuplicateFrame,
    /// Two frames of one feed change places between two lanes.
    SwapFrames,
    /// A told number of missed messages is one too many.
    MissedOffByOne,
    /// A message of a channel is lost on its way from the backend.
    DropMessage,
    /// That a subscription was interrupted is not told.
    DropInterrupted,
    /// A gap of a stream is not told.
    DropGap,
    /// A follower that caught up is told a place before the one it is at.
    WrongCatchUp,
    /// The first entry of a read of a stream is left out, and not counted.
    DropEntry,
    /// A frame's revision is the one before.
    RepeatRevision,
    /// That the backend is out of reach is not told.
    DropStale,
    /// That the backend is back is not told.
    DropUnstale,
    /// The lane is made with larger outboxes than it should have.
    OutboxIgnored,
    /// That somebody left is not passed on.
    DropLeave,
    /// Two commands get each other's replies.
    WrongTicket,
    /// A command's reply is lost.
    DropReply,
    /// A command is answered twice.
    DuplicateReply,
    /// A read is answered with what was answered before.
    OldRead,
    /// A client's commands are carried out in another order.
    SwapCommands,
    /// The restricted lane is made without restrictions.
    RulesIgnored,
    /// Changes are told that nobody made.
    ReadStorm,
    /// Redis: an invalidation is lost on its way to the gateway.
    DropPush,
    /// Redis: an invalidation overtakes the replies before it.
    EarlyPush,
    /// Redis: that everything may have changed is not pushed.
    DropNullPush,
    /// Redis: `CLIENT TRACKING ON` is answered, and has no effect.
    ForgetTracking,
    /// Redis: a subscription is confirmed, and has no effect.
    ForgetSubscription,
    /// Redis: the reply to a client's command is lost on its way to the gateway.
    LoseReply,
    /// Redis: the reply to a client's command comes twice.
    RepeatReply,
    /// Redis: a client's command is sent twice.
    RepeatCommand,
    /// Redis: a read of a lane is asked twice of the machine.
    RepeatRead,
    /// Redis: what a lane does not want to hear any more is not passed on to the machine.
    DropForget,
    /// Redis: the server goes back to older data while its connections stay, and says nothing.
    SilentRestart,
    /// Redis: keys are said to have no deadline.
    NoDeadlines,
    /// Redis: the machine is not called when its time has come.
    StopClock,
    /// Redis: attempts to connect take so long that no promise can be kept.
    SlowConnect,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 36] = [
        Fault::DropInvalidated,
        Fault::DropFrame,
        Fault::DuplicateFrame,
        Fault::SwapFrames,
        Fault::MissedOffByOne,
        Fault::DropMessage,
        Fault::DropInterrupted,
        Fault::DropGap,
        Fault::WrongCatchUp,
        Fault::DropEntry,
        Fault::RepeatRevision,
        Fault::DropStale,
        Fault::DropUnstale,
        Fault::OutboxIgnored,
        Fault::DropLeave,
        Fault::WrongTicket,
        Fault::DropReply,
        Fault::DuplicateReply,
        Fault::OldRead,
        Fault::SwapCommands,
        Fault::RulesIgnored,
        Fault::ReadStorm,
        Fault::DropPush,
        Fault::EarlyPush,
        Fault::DropNullPush,
        Fault::ForgetTracking,
        Fault::ForgetSubscription,
        Fault::LoseReply,
        Fault::RepeatReply,
        Fault::RepeatCommand,
        Fault::RepeatRead,
        Fault::DropForget,
        Fault::SilentRestart,
        Fault::NoDeadlines,
        Fault::StopClock,
        Fault::SlowConnect,
    ];

    /// Whether it can strike in worlds with the embedded store, and in worlds with a Redis.
    pub fn strikes_in(self) -> (bool, bool) {
        match self {
            Fault::DropInvalidated | Fault::DropEntry | Fault::OldRead => (true, false),
            _ if Fault::ALL.iter().position(|fault| *fault == self) >= Some(22) => (false, true),
            _ => (true, true),
        }
    }

    /// The checks that may see it first.
    pub fn seen_by(self) -> &'static [Check] {
        use Check::*;
        match self {
            Fault::DropInvalidated => &[Convergence],
            Fault::DropFrame => &[Convergence, Order, NoSilentLoss],
            Fault::DuplicateFrame => &[Order, NoSilentLoss],
            Fault::SwapFrames => &[Order, NoSilentLoss],
            Fault::MissedOffByOne | Fault::DropMessage | Fault::DropInterrupted | Fault::DropGap => &[NoSilentLoss],
            Fault::WrongCatchUp => &[Order, Convergence],
            Fault::DropEntry => &[NoSilentLoss],
            Fault::RepeatRevision => &[Order],
            Fault::DropStale => &[NoSilentLoss],
            Fault::DropUnstale => &[NoSilentLoss, Convergence],
            Fault::OutboxIgnored | Fault::DropLeave => &[BoundedMemory],
            Fault::WrongTicket | Fault::DropReply | Fault::DuplicateReply => &[Answers],
            Fault::OldRead => &[Answers, Convergence],
            Fault::SwapCommands => &[Order],
            Fault::RulesIgnored => &[Permissions],
            Fault::ReadStorm => &[OncePerNode],
            Fault::DropPush | Fault::EarlyPush | Fault::DropNullPush | Fault::ForgetTracking => &[Convergence],
            Fault::NoDeadlines => &[Convergence],
            Fault::ForgetSubscription => &[NoSilentLoss],
            Fault::LoseReply | Fault::RepeatReply => &[Answers],
            Fault::RepeatCommand => &[Order, Answers],
            Fault::RepeatRead => &[Answers, OncePerNode],
            Fault::DropForget => &[BoundedMemory],
            Fault::SilentRestart => &[Convergence],
            Fault::SlowConnect => &[NoSilentLoss],
            Fault::StopClock => &[NoSilentLoss, Convergence, Answers, BoundedMemory],
        }
    }
}

/// The fault of a run, if it has one.
#[derive(Debug, Default)]
pub struct Faults {
    planted: Option<Fault>,
    /// How often it struck.
    pub struck: u64,
}

impl Faults {
    /// A run with this fault.
    pub fn new(planted: Option<Fault>) -> Faults {
        Faults { planted, struck: 0 }
    }

    /// Whether the run has no fault.
    pub fn is_none(&self) -> bool {
        self.planted.is_none()
    }

    /// Whether the run has this fault.
    pub fn is(&self, fault: Fault) -> bool {
        self.planted == Some(fault)
    }

    /// Whether the run has this fault, which strikes at every opportunity.
    pub fn always(&mut self, fault: Fault) -> bool {
        let strikes = self.planted == Some(fault);
        self.struck += u64::from(strikes);
        strikes
    }

    /// Whether this fault strikes here, once in `one_in` opportunities. A run without it draws no random number.
    pub fn strikes(&mut self, fault: Fault, one_in: u32, rng: &mut Rng) -> bool {
        let strikes = self.planted == Some(fault) && rng.u32(0..one_in) == 0;
        self.struck += u64::from(strikes);
        strikes
    }
}
