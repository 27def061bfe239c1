from portbook.evidence._heads cimport Heads


cdef class Flows:
    cdef unsigned int[::1] slots
    cdef unsigned long long[::1] hot
    cdef unsigned long long[::1] cool
    cdef unsigned long long[::1] early
    cdef unsigned long long[::1] late
    cdef readonly Heads heads
    cdef object stores
    cdef unsigned long long seed
    cdef unsigned long long mask
    cdef unsigned long long slot
    # the packet in hand
    cdef unsigned long long lower_high
    cdef unsigned long long lower
    cdef unsigned long long higher_high
    cdef unsigned long long higher
    cdef unsigned long long key
    cdef unsigned long long side
    cdef unsigned long long source_mac
    cdef unsigned long long target_mac
    cdef readonly Py_ssize_t rows
    cdef Py_ssize_t room
    cdef Py_ssize_t limit

    cpdef attach(self)
    cpdef detach(self)
    cdef int ends(self, unsigned long long a_high, unsigned long long a, unsigned long long a_port, unsigned long long b_high, unsigned long long b, unsigned long long b_port, unsigned long long key) except -1
    cdef Py_ssize_t find(self) except -2
    cdef bint tunnelled(self) except -1
    cdef bint roomy(self) except -1
    cdef Py_ssize_t meet(self, long long time_ns, long long where, bint broadcast) except -1
    cdef int learn(self, Py_ssize_t row) except -1
    cdef int count(self, Py_ssize_t row, int way, int packets, long long octets, long long length, long long time_ns) except -1
    cdef int burst(self, Py_ssize_t row, long long time_ns) except -1
    cdef int datagram(self, Py_ssize_t row, int way, Py_ssize_t at, Py_ssize_t size, Py_ssize_t length) except -1
    cdef int stream(self, Py_ssize_t row, int way, int flags, unsigned int seq, unsigned int ack, Py_ssize_t at, Py_ssize_t size, Py_ssize_t length) except -1
    cdef int rehash_again(self) except -1
    cdef int told(self, Py_ssize_t row, int way, int flags) except -1
    cdef int rebase(self, Py_ssize_t row, int way, unsigned long long base) except -1
    cdef int syn(self, Py_ssize_t row, int way, int flags, unsigned long long first) except -1
    cdef Py_ssize_t head(self, Py_ssize_t row, int way) except -1
    cdef Py_ssize_t pieces(self, Py_ssize_t row, int way) except -1
    cdef int judge(self, Py_ssize_t row, int way, Py_ssize_t at, Py_ssize_t size) except -1
