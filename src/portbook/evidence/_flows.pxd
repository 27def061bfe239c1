from portbook.evidence._heads cimport Heads
from portbook.evidence._keys cimport Keys


cdef class Flows(Keys):
    cdef unsigned long long[::1] cool
    cdef unsigned long long[::1] early
    cdef unsigned long long[::1] late
    cdef readonly Heads heads
    cdef object stores
    cdef unsigned long long source_mac
    cdef unsigned long long target_mac
    cdef Py_ssize_t room
    cdef Py_ssize_t limit
    cdef list spare
    cdef Py_ssize_t early_used
    cdef Py_ssize_t early_room

    cpdef attach(self)
    cpdef detach(self)
    cdef int touch(self, Py_ssize_t packets) except -1
    cdef bint _touch_head(self, Py_ssize_t h, Py_ssize_t row, Py_ssize_t fresh) except -1
    cdef bint _touch_octets(self, Py_ssize_t head) except -1
    cdef int _touch_times(self, Py_ssize_t h, Py_ssize_t row) except -1
    cdef bint _quiet(self, Py_ssize_t h, Py_ssize_t r) except -1
    cdef Py_ssize_t take_early(self) except -1
    cdef Py_ssize_t meet(self, Py_ssize_t h, long long time_ns, long long where, bint broadcast) except -1
    cdef int learn(self, Py_ssize_t row) except -1
    cdef int count(self, Py_ssize_t row, int way, int packets, long long octets, long long length, long long time_ns) except -1
    cdef int burst(self, Py_ssize_t row, long long time_ns) except -1
    cdef int datagram(self, Py_ssize_t row, int way, Py_ssize_t at, Py_ssize_t size, Py_ssize_t length) except -1
    cdef int stream(self, Py_ssize_t row, int way, int flags, unsigned int seq, unsigned int ack, Py_ssize_t at, Py_ssize_t size, Py_ssize_t length) except -1
    cdef int extend(self, Py_ssize_t head, Py_ssize_t row) except -1
    cdef int told(self, Py_ssize_t row, int way, int flags) except -1
    cdef int rebase(self, Py_ssize_t row, int way, unsigned long long base) except -1
    cdef int syn(self, Py_ssize_t row, int way, int flags, unsigned long long first) except -1
    cdef Py_ssize_t head(self, Py_ssize_t row, int way) except -1
    cdef Py_ssize_t pieces(self, Py_ssize_t row, int way) except -1
    cdef int judge(self, Py_ssize_t row, Py_ssize_t at, Py_ssize_t size) except -1
