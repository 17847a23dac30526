//! Sets of flags and categories: one bit per name, in the words of Redis' `COMMAND`.

/// A set type with a constant for each name. The names are those of the table's text.
macro_rules! bit_set {
    ($(#[$doc:meta])* $set:ident, $word:ty: $($(#[$bit_doc:meta])* $bit:ident = $name:literal),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $set($word);

        impl $set {
            /// Every name, in the order of the bits.
            pub const NAMES: &[&str] = &[$($name),+];

            bit_set!(@constants $word, 0; $($(#[$bit_doc])* $bit,)+);

            /// No bit.
            pub const fn empty() -> Self {
                Self(0)
            }

            /// The bits of both.
            pub const fn union(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// Whether all bits of `other` are here.
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Whether any bit of `other` is here.
            pub const fn intersects(self, other: Self) -> bool {
                self.0 & other.0 != 0
            }

            /// Whether there is no bit.
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// The bit of this name, without regard to case.
            pub fn named(name: &str) -> Option<Self> {
                Self::NAMES.iter().position(|n| n.eq_ignore_ascii_case(name)).map(|at| Self(1 << at))
            }

            /// The names of the bits.
            pub fn names(self) -> impl Iterator<Item = &'static str> {
                Self::NAMES.iter().enumerate().filter(move |(at, _)| self.0 >> at & 1 == 1).map(|(_, name)| *name)
            }
        }

        impl std::ops::BitOr for $set {
            type Output = Self;
            fn bitor(self, other: Self) -> Self {
                self.union(other)
            }
        }

        impl std::fmt::Debug for $set {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_set().entries(self.names()).finish()
            }
        }
    };
    (@constants $word:ty, $at:expr; $(#[$bit_doc:meta])* $bit:ident, $($rest:tt)*) => {
        $(#[$bit_doc])*
        pub const $bit: Self = Self(1 << ($at));
        bit_set!(@constants $word, $at + 1; $($rest)*);
    };
    (@constants $word:ty, $at:expr;) => {};
}

bit_set! {
    /// What kind of command it is (`COMMAND`'s flags).
    Flags, u32:
    /// Only reads.
    READONLY = "readonly",
    /// May change data.
    WRITE = "write",
    /// Refused when memory is short.
    DENYOOM = "denyoom",
    /// For administrators.
    ADMIN = "admin",
    /// Publishes or subscribes.
    PUBSUB = "pubsub",
    /// Not allowed in scripts.
    NOSCRIPT = "noscript",
    /// May block (depending on options for some).
    BLOCKING = "blocking",
    /// Allowed while the server loads its data.
    LOADING = "loading",
    /// Allowed on a replica with old data.
    STALE = "stale",
    /// Not shown by MONITOR.
    SKIP_MONITOR = "skip_monitor",
    /// Not logged as slow.
    SKIP_SLOWLOG = "skip_slowlog",
    /// An ASKING of a cluster is implied.
    ASKING = "asking",
    /// Takes constant or logarithmic time.
    FAST = "fast",
    /// Allowed without authentication.
    NO_AUTH = "no_auth",
    /// May have no key at all.
    NO_MANDATORY_KEYS = "no_mandatory_keys",
    /// Not allowed while the data is loaded in the background.
    NO_ASYNC_LOADING = "no_async_loading",
    /// Not allowed in a transaction.
    NO_MULTI = "no_multi",
    /// The places of keys depend on arguments.
    MOVABLEKEYS = "movablekeys",
    /// Allowed while a script runs.
    ALLOW_BUSY = "allow_busy",
}

bit_set! {
    /// The ACL categories (`ACL CAT`), without their `@`. All commands together (`all`) are not one of them.
    Categories, u32:
    /// `@keyspace`
    KEYSPACE = "keyspace",
    /// `@read`
    READ = "read",
    /// `@write`
    WRITE = "write",
    /// `@set`
    SET = "set",
    /// `@sortedset`
    SORTEDSET = "sortedset",
    /// `@list`
    LIST = "list",
    /// `@hash`
    HASH = "hash",
    /// `@string`
    STRING = "string",
    /// `@bitmap`
    BITMAP = "bitmap",
    /// `@hyperloglog`
    HYPERLOGLOG = "hyperloglog",
    /// `@geo`
    GEO = "geo",
    /// `@stream`
    STREAM = "stream",
    /// `@pubsub`
    PUBSUB = "pubsub",
    /// `@admin`
    ADMIN = "admin",
    /// `@fast`
    FAST = "fast",
    /// `@slow`
    SLOW = "slow",
    /// `@blocking`
    BLOCKING = "blocking",
    /// `@dangerous`
    DANGEROUS = "dangerous",
    /// `@connection`
    CONNECTION = "connection",
    /// `@transaction`
    TRANSACTION = "transaction",
    /// `@scripting`
    SCRIPTING = "scripting",
}

bit_set! {
    /// What a command does with a key (the flags of `COMMAND GETKEYSANDFLAGS`).
    KeyFlags, u16:
    /// Reads the value, does not change it.
    RO = "RO",
    /// Changes the value in a way that depends on it.
    RW = "RW",
    /// Overwrites the value without looking at it.
    OW = "OW",
    /// Removes the key.
    RM = "RM",
    /// Data of the value comes back to the client, or goes to another key.
    ACCESS = "access",
    /// Data may be changed.
    UPDATE = "update",
    /// Data may be added, none changed or removed.
    INSERT = "insert",
    /// Data may be removed.
    DELETE = "delete",
    /// Not a key: only routed as one.
    NOT_KEY = "not_key",
    /// More keys may be elsewhere.
    INCOMPLETE = "incomplete",
    /// The flags depend on options.
    VARIABLE_FLAGS = "variable_flags",
}

impl KeyFlags {
    /// Whether ACL rules must allow reading the key.
    pub const fn reads(self) -> bool {
        self.intersects(KeyFlags::ACCESS)
    }

    /// Whether ACL rules must allow writing the key.
    pub const fn writes(self) -> bool {
        self.intersects(KeyFlags::UPDATE.union(KeyFlags::INSERT).union(KeyFlags::DELETE))
    }
}
