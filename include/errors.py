"""What can go wrong, in two kinds: what another try may mend, and what it cannot.

Each error below is in the module behind it, with what its message names.

LandfallError
    AirflowUnreachable      include/runs/airflow_client.py
    Misconfigured           include/deployment/checkup.py
    NotFetched              include/cli/typescript.py
    NotThereYet             include/runs/airflow_client.py
    NotTold                 plugins/notifying.py
    Overtaken               include/lake/catalog.py
    PublisherFenced         include/kafka/producer.py
    StackError              include/stack/service.py
    Undelivered             include/kafka/producer.py
    Refused
        ConfRefused         include/runs/conf.py
        ContractRefused     include/contracts.py
        LandingSuperseded   include/lake/commit.py
        LedgerRefused       include/kafka/ledger.py
        NotAnswered         include/query/session.py
        NotForgotten        include/lake/commit.py
        NotShared           include/source/shared_inbox.py
        NotThisCustomers    include/source/inbox.py
        RecordTooLarge      include/kafka/publish.py
        RecordsLost         include/kafka/retention.py
        RetentionTooShort   include/kafka/retention.py
        RightsNotKept       include/maintenance/reader_rights.py
        RunRefused          include/run_identity.py
        SourceRefused       include/storage/stores.py
        TopicDrift          include/kafka/topics.py
        Unproven            include/lake/proofs.py
"""


class LandfallError(Exception):
    """Something outside failed: a broker, a NameNode, a race. Trying again may mend it."""


class Refused(LandfallError):
    """Input, contract or state is wrong: trying again gives the same answer, so nobody should.

    The message says what and where, what was expected and found, and what to do next.
    Operators turn it into a failure without retries.
    """
